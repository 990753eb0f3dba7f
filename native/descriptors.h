/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of thing a file descriptor is. The kernel's info call does not say which structure it has filled in. */
#pragma once
#include <node_api.h>
#include <stdbool.h>

enum descriptor_kind { DESCRIPTOR_MAP, DESCRIPTOR_PROGRAM, DESCRIPTOR_LINK };

/* Reads what the kernel knows of the descriptor into the info structure of its kind. A descriptor of another kind is a
 * TypeError. */
bool descriptor_info(napi_env env, int fd, enum descriptor_kind kind, void *info, size_t size);

/* False with a TypeError when it is not of that kind. */
bool descriptor_check(napi_env env, int fd, enum descriptor_kind kind);
