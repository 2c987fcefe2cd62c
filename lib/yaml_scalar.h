/* SPDX-License-Identifier: Apache-2.0 */
/* What an unquoted YAML scalar means: private to yaml. */
#pragma once

#include <stdbool.h>

enum yaml_scalar {
	YAML_SCALAR_STRING,
	YAML_SCALAR_NULL,
	YAML_SCALAR_BOOL,       /* ret_number 0 or 1 */
	YAML_SCALAR_NUMBER,     /* finite */
	YAML_SCALAR_NOT_FINITE, /* .nan, .inf: JSON has no word for it */
};

/* As kubectl reads it (go-yaml v2 below sigs.k8s.io/yaml): YAML 1.1's booleans, so `yes` and `on` are
 * true; integers with 0x, 0o, 0b, a leading 0 for octal, and underscores; dates stay text. */
enum yaml_scalar yaml_scalar_resolve(const char *text, double *ret_number);

/* Whether text may stand unquoted as a string: for kubectl, and for readers of YAML 1.1 (PyYAML) and 1.2,
 * which know numbers of base 60 (and so take some MAC addresses for numbers), times, and more. */
bool yaml_scalar_is_text(const char *text);
