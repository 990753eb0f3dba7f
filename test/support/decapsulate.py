# What a server of mode dsr does with its packets, where the kernel has no tunnel devices: takes them out of IP or GUE
# and gives them to the kernel by a TUN device. Runs until it is killed; says "ready" first. Needs /dev/net/tun.

import fcntl
import os
import select
import socket
import struct
import subprocess

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI_VNET_HDR = 0x5001
NEEDS_CSUM = 1
UDP_NO_CHECK6_RX = 102
GUE_PORT = 6080
GUE_HEADER = 4
DEVICE = "dsr0"
CHECKSUM_AT = {6: 16, 17: 6}


def offload(packet):
    """The header that TUN wants. Segments that a sender has not cut, or a receiver has put together, have the sum of
    the pseudo header where their checksum would be, for a device to complete; tunnels of the kernel know that."""
    if packet[0] >> 4 == 4:
        start, protocol, addresses = (packet[0] & 15) * 4, packet[9], packet[12:20]
    else:
        start, protocol, addresses = 40, packet[6], packet[8:40]
    at = CHECKSUM_AT.get(protocol)
    if at is None:
        return bytes(10)
    total = sum(struct.unpack(f"!{len(addresses) // 2}H", addresses)) + protocol + len(packet) - start
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    if struct.unpack_from("!H", packet, start + at)[0] != total:
        return bytes(10)
    return struct.pack("=BBHHHH", NEEDS_CSUM, 0, 0, 0, start, at)



tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), IFF_TUN_NO_PI_VNET_HDR))
# Packets that come out have clients as their source, and the way to those is another.
for name in ("all", DEVICE):
    with open(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "w") as setting:
        setting.write("0")
subprocess.run(["ip", "link", "set", DEVICE, "up", "mtu", "9000"], check=True)

# socket -> bytes in front of the packet inside; None: an IPv4 header, which says its length
heads = {}
for family in (socket.AF_INET, socket.AF_INET6):
    for protocol in (4, 41):
        heads[socket.socket(family, socket.SOCK_RAW, protocol)] = None if family == socket.AF_INET else 0
    gue = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        gue.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        gue.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)
    gue.bind(("", GUE_PORT))
    heads[gue] = GUE_HEADER

print("ready", flush=True)
while True:
    for readable in select.select(list(heads), [], [])[0]:
        packet = readable.recv(65536)
        head = heads[readable]
        inner = packet[(packet[0] & 15) * 4 if head is None else head :]
        try:
            os.write(tun, offload(inner) + inner)
        except OSError as error:
            print("not an IP packet:", inner[:64].hex(), error, flush=True)
