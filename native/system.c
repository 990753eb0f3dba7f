/* SPDX-License-Identifier: Apache-2.0 */
/* Odds and ends of the kernel that Node does not offer: namespaces, devices, clocks, systemd, CPUs. */
#include "addon.h"
#include "errors.h"
#include "values.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static napi_value system_enter_namespace(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	char path[PATH_MAX];
	int fd, error;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_text(env, arguments[0], "path", path, sizeof(path)))
		return NULL;
	/* Threads made later would start in the new namespace, those made before would stay in the old one. */
	if (gettid() == getpid())
		return throw_type(env, "the main thread must not enter a network namespace: make a worker for it");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return throw_errno(env, errno, "open", "%s", path);
	error = setns(fd, CLONE_NEWNET) ? errno : 0;
	close(fd);
	return error ? throw_errno(env, error, "setns", "%s", path) : NULL;
}

static napi_value system_interface_index(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	unsigned int index;
	char name[256];

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_text(env, arguments[0], "name", name, sizeof(name)))
		return NULL;
	index = if_nametoindex(name);
	if (!index && errno != ENODEV)
		return throw_errno(env, errno, "if_nametoindex", "%s", name);
	return make_number(env, index);
}

static napi_value system_interface_name(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	char name[IF_NAMESIZE];
	int64_t index;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_integer(env, arguments[0], "index", 0, INT_MAX, &index))
		return NULL;
	if (if_indextoname((unsigned int)index, name))
		return make_text(env, name);
	if (errno != ENXIO && errno != ENODEV)
		return throw_errno(env, errno, "if_indextoname", "ifindex %d", (int)index);
	return make_text(env, "");
}

static napi_value system_interface_driver(napi_env env, napi_callback_info info)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&driver };
	char name[IF_NAMESIZE] = { 0 };
	napi_value arguments[1];
	int fd, error;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_text(env, arguments[0], "name", name, sizeof(name)))
		return NULL;
	memcpy(request.ifr_name, name, sizeof(name));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return throw_errno(env, errno, "socket", "%s", name);
	error = ioctl(fd, SIOCETHTOOL, &request) ? errno : 0;
	close(fd);
	/* The loopback device and a few others have no driver to name. */
	if (error && error != EOPNOTSUPP)
		return throw_errno(env, error, "ioctl(ETHTOOL_GDRVINFO)", "%s", name);
	driver.driver[sizeof(driver.driver) - 1] = 0;
	return make_text(env, driver.driver);
}

static napi_value system_ticks_per_second(napi_env env, napi_callback_info info)
{
	struct timespec resolution;

	(void)info;
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution))
		return throw_errno(env, errno, "clock_getres", "CLOCK_MONOTONIC_COARSE");
	if (resolution.tv_sec || resolution.tv_nsec <= 0)
		return throw_errno(env, EINVAL, "clock_getres", "CLOCK_MONOTONIC_COARSE");
	/* Rounded: at 300 Hz the resolution is 3,333,333 ns. */
	return make_number(env, (double)((1000000000 + resolution.tv_nsec / 2) / resolution.tv_nsec));
}

static napi_value system_notify(napi_env env, napi_callback_info info)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	napi_value arguments[1];
	char state[4096];
	size_t length;
	ssize_t sent;
	int fd, error;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_text(env, arguments[0], "state", state, sizeof(state)))
		return NULL;
	if (!path || !*path)
		return make_boolean(env, false);
	length = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
		return throw_errno(env, EAFNOSUPPORT, "sendto", "NOTIFY_SOCKET %s", path);
	memcpy(address.sun_path, path, length);
	/* An abstract name starts with a NUL and has no end but its length. */
	if (path[0] == '@')
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return throw_errno(env, errno, "socket", "%s", path);
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	error = sent < 0 ? errno : 0;
	close(fd);
	return error ? throw_errno(env, error, "sendto", "%s", path) : make_boolean(env, true);
}

static napi_value system_pin_to_cpu(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	cpu_set_t cpus;
	int64_t cpu;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_integer(env, arguments[0], "cpu", 0, CPU_SETSIZE - 1, &cpu))
		return NULL;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		return throw_errno(env, errno, "sched_setaffinity", "cpu %d", (int)cpu);
	return NULL;
}

bool define_system(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "enterNetworkNamespace", system_enter_namespace },
		{ "interfaceIndex", system_interface_index },
		{ "interfaceName", system_interface_name },
		{ "interfaceDriver", system_interface_driver },
		{ "ticksPerSecond", system_ticks_per_second },
		{ "sdNotify", system_notify },
		{ "pinToCpu", system_pin_to_cpu },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
