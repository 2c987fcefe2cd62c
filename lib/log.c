// SPDX-License-Identifier: Apache-2.0
/*
 * Log lines on stderr, each by one write() so that lines of several processes do not mix. The level
 * and the format are this process's only mutable state outside its structs: set once at the start.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/log.h>
#include <beeline/utf8.h>

/* A value beyond this is cut: a log line is a line. */
#define VALUE_MAX 2048

static struct {
	enum bl_log_level level;
	enum bl_log_format format;
} settings = {BL_LOG_INFO, BL_LOG_TEXT};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
_Static_assert(sizeof(level_names) / sizeof(level_names[0]) == BL_LOG_ERROR + 1, "level names");

void bl_log_init(enum bl_log_level level, enum bl_log_format format)
{
	settings.level = level;
	settings.format = format;
}

static bool is_plain(const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '=' || *c == '\\')
			return false;
	return *value && strlen(value) <= VALUE_MAX;
}

/* Quotes so that both logfmt and JSON readers take it; a byte that is no UTF-8 becomes U+FFFD. */
static void put_quoted(FILE *line, const char *value)
{
	size_t len = strnlen(value, VALUE_MAX + 1);
	bool cut = len > VALUE_MAX;

	fputc('"', line);
	len = cut ? VALUE_MAX : len;
	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		uint32_t code = 0xfffd;

		n = bl_utf8_next(value + i, len - i, &code);
		if (!n)
			fputs("\xef\xbf\xbd", line);
		else if (code == '"' || code == '\\')
			fprintf(line, "\\%c", (int)code);
		else if (code == '\n')
			fputs("\\n", line);
		else if (bl_utf8_is_control(code))
			fprintf(line, "\\u%04x", (unsigned int)code);
		else
			fwrite(value + i, 1, n, line);
	}
	fputs(cut ? "...\"" : "\"", line);
}

static void put_pair(FILE *line, const char *key, const char *value)
{
	bool json = settings.format == BL_LOG_JSON;

	fprintf(line, json ? ",\"%s\":" : " %s=", key);
	if (!json && is_plain(value))
		fputs(value, line);
	else
		put_quoted(line, value);
}

static void put_head(FILE *line, enum bl_log_level level)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	if (settings.format == BL_LOG_TEXT) {
		fprintf(line, "level=%s", level_names[level]);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"", stamp, now.tv_nsec / 1000000,
		level_names[level]);
}

void bl_log(enum bl_log_level level, const char *msg, ...)
{
	bl_autofree char *text = NULL;
	const char *key;
	va_list args;
	size_t len;
	FILE *line;

	if (level < settings.level)
		return;
	line = open_memstream(&text, &len);
	if (!line)
		abort();
	put_head(line, level);
	put_pair(line, "msg", msg);
	va_start(args, msg);
	while ((key = va_arg(args, const char *))) {
		const char *value = va_arg(args, const char *);

		if (value)
			put_pair(line, key, value);
	}
	va_end(args);
	fputs(settings.format == BL_LOG_JSON ? "}\n" : "\n", line);
	if (fclose(line) != 0)
		abort();
	/* A log that nobody can take is lost; there is no better place to say so. */
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}
