/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as Kubernetes writes them (apimachinery's validation): predicates on text, nothing else.
 * Names of ours that are narrower are built of these where they are checked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* RFC 1123: lower-case letters, digits and '-', beginning and ending with a letter or digit, at most
 * 63. */
bool bl_name_is_dns_label(const char *text);
/* Labels as above joined by dots, at most 253; Kubernetes does not count the length of each. */
bool bl_name_is_dns_subdomain(const char *text, size_t len);
/* Letters and digits at both ends; '-', '_' and '.' between them; 1 to 63. */
bool bl_name_is_qualified(const char *text);
/* The key of a label or an annotation: [DNS subdomain/]name. */
bool bl_name_is_key(const char *text);
/* The value of a label: a name or nothing. */
bool bl_name_is_label_value(const char *text);
