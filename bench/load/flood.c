/* flood MILLISECONDS FLOWS ADDRESS:PORT...: sends UDP datagrams as fast as it goes, over so many sockets connected to
 * the addresses in turn. Prints datagrams sent and the nanoseconds they took. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { FLOWS = 1024, BURST = 32, PAYLOAD = 18 /* a frame of 64 bytes */ };

static long long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int connected(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN] = "";
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (colon && colon - text < (long)sizeof(host))
		memcpy(host, text, colon - text);
	if (!colon || inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		fprintf(stderr, "flood: '%s' is not ADDRESS:PORT\n", text);
		exit(2);
	}
	address.sin_port = htons(atoi(colon + 1));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("connect");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static char payload[PAYLOAD];
	struct iovec part = { payload, sizeof(payload) };
	struct mmsghdr messages[BURST] = {};
	int sockets[FLOWS], flows, sent;
	long long begin, end;
	long total = 0;

	flows = argc < 4 ? 0 : atoi(argv[2]);
	if (flows < 1 || flows > FLOWS) {
		fprintf(stderr, "usage: flood MILLISECONDS FLOWS ADDRESS:PORT...\n");
		return 2;
	}
	for (int i = 0; i < flows; i++)
		sockets[i] = connected(argv[3 + i % (argc - 3)]);
	for (int i = 0; i < BURST; i++) {
		messages[i].msg_hdr.msg_iov = &part;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	begin = now_ns();
	end = begin + atoll(argv[1]) * 1000000;
	for (int i = 0; now_ns() < end; i = (i + 1) % flows) {
		sent = sendmmsg(sockets[i], messages, BURST, 0);
		if (sent < 0) {
			perror("sendmmsg");
			return 1;
		}
		total += sent;
	}
	printf("%ld %lld\n", total, now_ns() - begin);
	return 0;
}
