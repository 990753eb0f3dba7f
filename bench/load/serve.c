/* serve PORT: answers each TCP connection's request with one small response and closes it, as a web server of old did;
 * takes UDP datagrams and never reads them. Runs until it is ended. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BACKLOG = 4096, REQUEST_MAX = 4096 };

static const char response[] = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int bound(int type, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("bind");
	return fd;
}

/* The request comes in one segment, so that once something has been read all has been, and closing sends no RST. */
static void answer(int fd)
{
	char request[REQUEST_MAX];
	ssize_t length = read(fd, request, sizeof(request));

	if (length < 0 && errno == EAGAIN)
		return;
	if (length > 0 && write(fd, response, sizeof(response) - 1) < 0)
		perror("write");
	close(fd);
}

static void take(int poll, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };

	for (;;) {
		event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (event.data.fd < 0)
			return;
		if (epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event))
			fail("epoll_ctl");
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN };
	int poll, listener, count;

	if (argc != 2) {
		fprintf(stderr, "usage: serve PORT\n");
		return 2;
	}
	bound(SOCK_DGRAM, atoi(argv[1]));
	listener = bound(SOCK_STREAM, atoi(argv[1]));
	poll = epoll_create1(0);
	event.data.fd = listener;
	if (listen(listener, BACKLOG) || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event))
		fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		count = epoll_wait(poll, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				take(poll, listener);
			else
				answer(events[i].data.fd);
		}
	}
}
