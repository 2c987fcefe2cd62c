/* SPDX-License-Identifier: Apache-2.0 */
/* What an unquoted YAML scalar means: private to yaml. */
#pragma once

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
