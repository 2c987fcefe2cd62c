/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct domain as libvirt's domain XML. Writes down and decides nothing; everything goes through
 * libxml2's writer, which escapes. The only file that knows libxml2.
 */
#pragma once

#include "domain/domain.h"

/* Indented text that the caller frees; never NULL. */
char *domxml_format(const struct domain *domain);
