// SPDX-License-Identifier: Apache-2.0
/*
 * The store on a disk of its own that is filled to the last byte: what is stored can be changed and
 * deleted, as often as anybody likes, and is read again; what is new is refused.
 */
#include "../unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/json.h>

#include "../../agent/objects.h"
#include "../../agent/objects/spare.h"

#define CHANGES 50

struct fixture {
	char *dir;
	struct objects *objects;
};

static const struct object_key key_a = {"VirtualMachine", "default", "a"};
static const struct object_key key_b = {"VirtualMachine", "default", "b"};

static bool none_rests(const char *kind)
{
	return false;
}

static void open_store(struct fixture *f)
{
	struct bl_err err = BL_ERR_INIT;

	objects_free(f->objects);
	if (objects_new(f->dir, none_rests, &f->objects, &err) < 0)
		fail_msg("%s", err.message);
}

static int try_apply(struct fixture *f, const char *name, size_t n_bytes, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = bl_json_object();
	bl_autofree char *data = bl_alloc(n_bytes + 1);
	struct cJSON *metadata = bl_json_ensure(document, "metadata");
	enum object_outcome outcome;

	memset(data, 'x', n_bytes);
	bl_json_set_string(document, "apiVersion", "kubevirt.io/v1");
	bl_json_set_string(document, "kind", "VirtualMachine");
	bl_json_set_string(metadata, "namespace", "default");
	bl_json_set_string(metadata, "name", name);
	bl_json_set_string(bl_json_ensure(document, "spec"), "data", data);
	return objects_apply(f->objects, document, &outcome, err);
}

static void apply(struct fixture *f, const char *name, size_t n_bytes)
{
	struct bl_err err = BL_ERR_INIT;

	if (try_apply(f, name, n_bytes, &err) < 0)
		fail_msg("%s", err.message);
}

/* Until not one more byte fits into a new file. */
static void fill(struct fixture *f)
{
	bl_autofree char *path = bl_format("%s/fill", f->dir);
	bl_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char block[4096];

	assert_true(fd >= 0);
	for (size_t size = sizeof(block); size; size /= 2)
		while (write(fd, block, size) > 0)
			;
	assert_int_equal(errno, ENOSPC);
}

static void put_status(struct fixture *f, const struct object_key *key, int n)
{
	struct cJSON *status = bl_json_object();
	struct bl_err err = BL_ERR_INIT;

	bl_json_set_number(status, "n", n);
	if (objects_put_status(f->objects, key, status, &err) < 0)
		fail_msg("change %d: %s", n, err.message);
}

static double status_of(struct fixture *f, const struct object_key *key)
{
	return bl_json_get_number(objects_get(f->objects, key), "status/n", -1);
}

static int setup(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	f->dir = unit_dir();
	/* A mount namespace of this process takes the disk along when it ends, however that may be. */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount("", "/", "none", MS_PRIVATE | MS_REC, NULL), 0);
	assert_int_equal(mount("none", f->dir, "tmpfs", 0, "size=512k"), 0);
	open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	objects_free(f->objects);
	assert_int_equal(umount2(f->dir, MNT_DETACH), 0);
	unit_dir_remove(f->dir);
	free(f);
	return 0;
}

static void test_changes_and_deletions(void **state)
{
	struct fixture *f = *state;
	struct bl_err err = BL_ERR_INIT;

	apply(f, "a", 0);
	apply(f, "b", 0);
	fill(f);
	for (int i = 0; i < CHANGES; i++)
		put_status(f, i % 2 ? &key_a : &key_b, i);
	if (objects_mark_deleted(f->objects, &key_a, 7, &err) < 0)
		fail_msg("%s", err.message);
	open_store(f);
	assert_true(object_is_deleting(objects_get(f->objects, &key_a)));
	assert_false(object_is_deleting(objects_get(f->objects, &key_b)));
	assert_true(status_of(f, &key_a) == CHANGES - 1 && status_of(f, &key_b) == CHANGES - 2);
	assert_int_equal(objects_remove(f->objects, &key_a, NULL), 0);
	open_store(f);
	assert_null(objects_get(f->objects, &key_a));
	assert_non_null(objects_get(f->objects, &key_b));
}

static void test_new_ones_are_refused(void **state)
{
	struct fixture *f = *state;
	struct bl_err err = BL_ERR_INIT;

	apply(f, "a", 0);
	fill(f);
	assert_int_equal(try_apply(f, "b", 0, &err), -ENOSPC);
	assert_null(objects_get(f->objects, &key_b));
	put_status(f, &key_a, 1);
}

/* Objects of different sizes do not take each other's room. */
static void test_large_ones(void **state)
{
	struct fixture *f = *state;

	apply(f, "a", 3 * SPARE_ROOM_MIN);
	apply(f, "b", 0);
	fill(f);
	for (int i = 0; i < CHANGES; i++)
		put_status(f, i % 2 ? &key_a : &key_b, i);
	open_store(f);
	assert_true(status_of(f, &key_a) == CHANGES - 1 && status_of(f, &key_b) == CHANGES - 2);
}

/* What was written before there were spares gets one with its first change. */
static void test_files_of_an_older_agent(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *path = bl_format("%s/objects/VirtualMachine/default/a.json", f->dir);
	bl_autofree char *spare = bl_format("%s/objects/.spare-%u", f->dir, SPARE_ROOM_MIN);
	bl_autofree char *text = NULL;
	size_t len;

	apply(f, "a", 0);
	assert_int_equal(bl_file_read(path, SPARE_ROOM_MIN, &text, &len, NULL), 0);
	while (text[len - 1] == ' ' || text[len - 1] == '\n')
		len--;
	assert_int_equal(bl_file_write(path, text, len, 0600, NULL), 0);
	assert_int_equal(unlink(spare), 0);
	open_store(f);
	put_status(f, &key_a, 1);
	fill(f);
	put_status(f, &key_a, 2);
	open_store(f);
	assert_true(status_of(f, &key_a) == 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changes_and_deletions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_ones_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_of_an_older_agent, setup, teardown),
	};

	return cmocka_run_group_tests_name("full_disk", tests, NULL, NULL);
}
