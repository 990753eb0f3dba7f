/* connect MILLISECONDS AT_ONCE ADDRESS:PORT...: opens connections to the addresses in turn, so many at once; sends a
 * request on each, reads the answer to its end, closes. Prints completed and failed connections and the nanoseconds
 * they took. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, TARGETS = 64, SOCKETS = 65536, DRAIN_MS = 2000 };

static const char request[] = "GET / HTTP/1.0\r\n\r\n";

static struct sockaddr_in targets[TARGETS];
static int target_count, next_target;
static char asked[SOCKETS], answered[SOCKETS];
static long completed, failed, open_now;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void add_target(char *text)
{
	char *colon = strrchr(text, ':');

	if (target_count == TARGETS || !colon) {
		fprintf(stderr, "connect: '%s' is not ADDRESS:PORT, or one too many\n", text);
		exit(2);
	}
	*colon = 0;
	targets[target_count].sin_family = AF_INET;
	targets[target_count].sin_port = htons(atoi(colon + 1));
	if (inet_pton(AF_INET, text, &targets[target_count++].sin_addr) != 1) {
		fprintf(stderr, "connect: '%s' is not an IPv4 address\n", text);
		exit(2);
	}
}

static void start(int poll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || fd >= SOCKETS)
		fail("socket");
	if (connect(fd, (struct sockaddr *)&targets[next_target++ % target_count], sizeof(targets[0])) &&
	    errno != EINPROGRESS)
		fail("connect");
	asked[fd] = answered[fd] = 0;
	event.data.fd = fd;
	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
	open_now++;
}

static void finish(int fd, int well)
{
	completed += well;
	failed += !well;
	open_now--;
	close(fd);
}

/* Returns whether the connection has ended. */
static int step(int fd, unsigned int happened)
{
	char answer[4096];
	ssize_t length;

	if (happened & EPOLLOUT && !asked[fd]) {
		asked[fd] = write(fd, request, sizeof(request) - 1) == sizeof(request) - 1;
		if (!asked[fd]) {
			finish(fd, 0);
			return 1;
		}
	}
	if (!(happened & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return 0;
	while ((length = read(fd, answer, sizeof(answer))) > 0)
		answered[fd] = 1;
	if (length < 0 && errno == EAGAIN)
		return 0;
	finish(fd, length == 0 && answered[fd]);
	return 1;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	long long begin, end, last;
	int poll, at_once, count;

	if (argc < 4) {
		fprintf(stderr, "usage: connect MILLISECONDS AT_ONCE ADDRESS:PORT...\n");
		return 2;
	}
	at_once = atoi(argv[2]);
	for (int i = 3; i < argc; i++)
		add_target(argv[i]);
	poll = epoll_create1(0);
	begin = last = now_ns();
	end = begin + atoll(argv[1]) * 1000000;
	while (open_now < at_once)
		start(poll);
	while (open_now && last < end + DRAIN_MS * 1000000LL) {
		count = epoll_wait(poll, events, EVENTS, 100);
		last = now_ns();
		for (int i = 0; i < count; i++)
			if (step(events[i].data.fd, events[i].events) && last < end)
				start(poll);
	}
	printf("%ld %ld %lld\n", completed, failed + open_now, last - begin);
	return 0;
}
