// SPDX-License-Identifier: Apache-2.0
/* Names as Kubernetes writes them: see the header. Never by <ctype.h>, which asks the locale. */
#include <beeline/name.h>

#include <string.h>

#define NAME_MAX_LEN   63
#define PREFIX_MAX_LEN 253

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

bool bl_name_is_dns_subdomain(const char *text, size_t len)
{
	bool after_letter = false;

	if (len > PREFIX_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (is_one_of(text[i], LOWER DIGITS)) {
			after_letter = true;
			continue;
		}
		/* A dot stands between letters or digits; a '-' may have others of its kind beside it. */
		if (!is_one_of(text[i], "-.") || (!after_letter && text[i] == '.') || i == 0 ||
		    (text[i] == '-' && text[i - 1] == '.'))
			return false;
		after_letter = false;
	}
	return after_letter;
}

bool bl_name_is_dns_label(const char *text)
{
	size_t len = strlen(text);

	return len <= NAME_MAX_LEN && !strchr(text, '.') && bl_name_is_dns_subdomain(text, len);
}

bool bl_name_is_qualified(const char *text)
{
	static const char ends[] = LOWER UPPER DIGITS;
	size_t len = strlen(text);

	return len > 0 && len <= NAME_MAX_LEN && strspn(text, LOWER UPPER DIGITS "-_.") == len &&
	       is_one_of(text[0], ends) && is_one_of(text[len - 1], ends);
}

bool bl_name_is_key(const char *text)
{
	const char *slash = strrchr(text, '/');

	if (!slash)
		return bl_name_is_qualified(text);
	return bl_name_is_dns_subdomain(text, (size_t)(slash - text)) &&
	       bl_name_is_qualified(slash + 1);
}

bool bl_name_is_label_value(const char *text)
{
	return !*text || bl_name_is_qualified(text);
}
