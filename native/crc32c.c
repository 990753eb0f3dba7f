/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32c (RFC 3720, RFC 9260 appendix A): by the processor where it can, by half bytes where it cannot. */
#include "addon.h"
#include "values.h"
#include <string.h>

/* The reversed polynomial. */
#define POLYNOMIAL 0x82f63b78u

static uint32_t crc32c_plain(uint32_t crc, const uint8_t *data, size_t length)
{
	uint32_t table[16];

	for (uint32_t i = 0; i < COUNT(table); i++) {
		table[i] = i;
		for (int bit = 0; bit < 4; bit++)
			table[i] = table[i] & 1 ? table[i] >> 1 ^ POLYNOMIAL : table[i] >> 1;
	}
	for (; length; length--) {
		crc ^= *data++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

static bool crc32c_has_fast(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_fast(uint32_t crc, const uint8_t *data, size_t length)
{
	uint64_t word;

	for (; length >= sizeof(word); length -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		crc = (uint32_t)_mm_crc32_u64(crc, word);
	}
	for (; length; length--)
		crc = _mm_crc32_u8(crc, *data++);
	return crc;
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

#define HWCAP_CRC32_BIT (1UL << 7)

static bool crc32c_has_fast(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32_BIT;
}

/* In assembly, because gcc and clang disagree about how a single function is given the instructions. */
static uint32_t crc32c_fast(uint32_t crc, const uint8_t *data, size_t length)
{
	uint64_t word;

	for (; length >= sizeof(word); length -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
	}
	for (; length; length--) {
		uint32_t byte = *data++;

		__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
	}
	return crc;
}

#else
#define crc32c_has_fast() false
#define crc32c_fast crc32c_plain
#endif

static napi_value crc32c(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct bytes bytes;
	uint32_t seed, crc;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_bytes(env, arguments[0], "bytes", &bytes) || !read_optional_u32(env, arguments[1], "seed", &seed))
		return NULL;
	/* The seed is an earlier result, so that a message can come in pieces. */
	crc = crc32c_has_fast() ? crc32c_fast(~seed, bytes.data, bytes.length)
				: crc32c_plain(~seed, bytes.data, bytes.length);
	return make_number(env, ~crc);
}

bool define_crc32c(napi_env env, napi_value exports)
{
	static const struct function functions[] = { { "crc32c", crc32c } };

	return define_functions(env, exports, functions, COUNT(functions));
}
