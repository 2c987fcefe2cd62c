/* SPDX-License-Identifier: Apache-2.0 */
/* Does a guest answer at an address; see probe.h. */
#include "probe.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <beeline/file.h>

#define PAUSE_FIRST_NS 200000000ull
#define PAUSE_MAX_NS   1000000000ull

/* An echo whose payload says which probe asked. Both families' headers have eight bytes. */
struct echo {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint16_t id;
	uint16_t sequence;
	uint64_t token;
};
_Static_assert(sizeof(struct echo) == 16, "struct echo is what goes on the wire");

struct probe {
	struct bl_loop *loop;
	struct bl_timer timer;
	struct bl_io ping_io, connect_io;
	int ping_fd, connect_fd; /* -1: none */
	bool raw;                /* ping_fd is a raw socket */
	struct sockaddr_storage peer;
	socklen_t peer_len;
	uint16_t ports[PROBE_PORTS_MAX];
	size_t n_ports, next_port;
	uint64_t token;
	uint16_t sequence;
	uint64_t pause_ns;
	probe_fn *fn;
	void *data;
};

static bool is_v6(const struct probe *probe)
{
	return probe->peer.ss_family == AF_INET6;
}

static void set_peer(struct probe *probe, const struct bl_addr *addr)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&probe->peer;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&probe->peer;

	if (bl_addr_is_v4(addr)) {
		v4->sin_family = AF_INET;
		v4->sin_addr.s_addr = addr->words[3];
		probe->peer_len = sizeof(*v4);
	} else {
		v6->sin6_family = AF_INET6;
		memcpy(&v6->sin6_addr, addr->bytes, sizeof(addr->bytes));
		probe->peer_len = sizeof(*v6);
	}
}

static void set_port(struct probe *probe, uint16_t port)
{
	if (is_v6(probe))
		((struct sockaddr_in6 *)&probe->peer)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&probe->peer)->sin_port = htons(port);
}

/* RFC 1071. Only raw ICMPv4 sockets want it from us. */
static uint16_t checksum(const void *data, size_t len)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

static void close_ping(struct probe *probe)
{
	bl_io_remove(&probe->ping_io);
	bl_autoclose_fn(&probe->ping_fd);
	probe->ping_fd = -1;
}

static void close_connect(struct probe *probe)
{
	bl_io_remove(&probe->connect_io);
	bl_autoclose_fn(&probe->connect_fd);
	probe->connect_fd = -1;
}

static void answered(struct probe *probe, const char *how)
{
	bl_timer_disarm(&probe->timer);
	close_ping(probe);
	close_connect(probe);
	probe->fn(how, probe->data);
}

/* Raw ICMPv4 sockets deliver the IP header too. */
static bool is_our_echo(const struct probe *probe, const uint8_t *bytes, size_t len)
{
	size_t skip = probe->raw && !is_v6(probe) && len ? (size_t)(bytes[0] & 0x0f) * 4 : 0;
	uint8_t reply = is_v6(probe) ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	struct echo echo;

	if (len < skip + sizeof(echo))
		return false;
	memcpy(&echo, bytes + skip, sizeof(echo));
	return echo.type == reply && echo.token == probe->token;
}

static void on_ping(struct bl_io *io, uint32_t events)
{
	struct probe *probe = io->data;
	uint8_t bytes[256];
	ssize_t n = recv(probe->ping_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0 && is_our_echo(probe, bytes, (size_t)n))
		answered(probe, "ping");
}

static void on_connect(struct bl_io *io, uint32_t events)
{
	struct probe *probe = io->data;
	int error = 0;
	socklen_t len = sizeof(error);
	char how[PROBE_TEXT_MAX];
	size_t port = (probe->next_port + probe->n_ports - 1) % probe->n_ports;

	getsockopt(probe->connect_fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		close_connect(probe);
		return;
	}
	snprintf(how, sizeof(how), "TCP port %u", probe->ports[port]);
	answered(probe, how);
}

/* No ping socket and no right to a raw one: TCP has to do. */
static void open_ping(struct probe *probe)
{
	int family = probe->peer.ss_family;
	int protocol = is_v6(probe) ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP;
	int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

	probe->ping_fd = socket(family, SOCK_DGRAM | flags, protocol);
	if (probe->ping_fd < 0) {
		probe->ping_fd = socket(family, SOCK_RAW | flags, protocol);
		probe->raw = true;
	}
	if (probe->ping_fd < 0)
		return;
	if (connect(probe->ping_fd, (struct sockaddr *)&probe->peer, probe->peer_len) < 0 ||
	    bl_io_add(probe->loop, &probe->ping_io, probe->ping_fd, EPOLLIN, on_ping, probe, NULL) <
		    0)
		close_ping(probe);
}

static void send_ping(struct probe *probe)
{
	struct echo echo = {
		.type = is_v6(probe) ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.id = (uint16_t)probe->token,
		.sequence = htons(++probe->sequence),
		.token = probe->token,
	};

	if (probe->ping_fd < 0)
		open_ping(probe);
	if (probe->ping_fd < 0)
		return;
	echo.checksum = checksum(&echo, sizeof(echo));
	if (send(probe->ping_fd, &echo, sizeof(echo), MSG_DONTWAIT) < 0)
		close_ping(
			probe); /* no route yet, or an ICMP error came in: a fresh one next time */
}

/* One attempt at a time; what has not answered by the next round is given up. */
static void try_connect(struct probe *probe)
{
	close_connect(probe);
	if (probe->n_ports == 0)
		return;
	probe->connect_fd = socket(probe->peer.ss_family,
				   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (probe->connect_fd < 0)
		return;
	set_port(probe, probe->ports[probe->next_port]);
	probe->next_port = (probe->next_port + 1) % probe->n_ports;
	if ((connect(probe->connect_fd, (struct sockaddr *)&probe->peer, probe->peer_len) < 0 &&
	     errno != EINPROGRESS) ||
	    bl_io_add(probe->loop, &probe->connect_io, probe->connect_fd, EPOLLOUT, on_connect,
		      probe, NULL) < 0)
		close_connect(probe);
	set_port(probe, 0);
}

static void on_round(struct bl_timer *timer)
{
	struct probe *probe = timer->data;

	bl_timer_arm(probe->loop, &probe->timer, probe->pause_ns, on_round, probe);
	probe->pause_ns *= 2;
	if (probe->pause_ns > PAUSE_MAX_NS)
		probe->pause_ns = PAUSE_MAX_NS;
	send_ping(probe);
	try_connect(probe);
}

struct probe *probe_new(struct bl_loop *loop, const struct bl_addr *addr, const uint16_t *ports,
			size_t n_ports, probe_fn *fn, void *data)
{
	struct probe *probe = bl_alloc(sizeof(*probe));

	*probe = (struct probe){
		.loop = loop,
		.ping_fd = -1,
		.connect_fd = -1,
		.pause_ns = PAUSE_FIRST_NS,
		.fn = fn,
		.data = data,
	};
	set_peer(probe, addr);
	for (; probe->n_ports < n_ports && probe->n_ports < PROBE_PORTS_MAX; probe->n_ports++)
		probe->ports[probe->n_ports] = ports[probe->n_ports];
	if (getrandom(&probe->token, sizeof(probe->token), 0) != sizeof(probe->token))
		probe->token = (uintptr_t)probe ^ bl_now_ns();
	bl_timer_arm(loop, &probe->timer, 0, on_round, probe);
	return probe;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	bl_timer_disarm(&probe->timer);
	close_ping(probe);
	close_connect(probe);
	free(probe);
}
