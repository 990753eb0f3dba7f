# PFCP by scapy, whose encoder and decoder are not ours: `smf OWN PEER` plays an SMF and ends, `upf OWN` plays a UPF
# until its standard input is closed. Each says as lines of JSON what it has got; `faults` is what scapy cannot read or
# would have written otherwise.

import json
import select
import socket
import sys

from scapy.all import Padding, Raw
from scapy.contrib.pfcp import *

PORT = 8805
TRIES = 4
RETRANSMIT_S = 1
RECOVERY = {"smf": 3_900_000_001, "upf": 3_900_000_002}
ACCEPTED = 1
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
FIRST_TEID = 0x8000_0001
FIRST_SEID = 0x0102_0304_0506_0708


def say(**what):
    print(json.dumps(what), flush=True)


def build(payload, seq, seid=None):
    header = PFCP(S=0, seq=seq) if seid is None else PFCP(S=1, seid=seid, seq=seq)
    return bytes(header / payload)


def elements_of(message):
    """What has no elements has no payload for scapy."""
    return getattr(message.payload, "IE_list", [])


def walk(elements):
    for element in elements:
        yield element
        yield from walk(getattr(element, "IE_list", None) or [])


def faults_of(message, data):
    found = []
    if isinstance(message.lastlayer(), (Raw, Padding)):
        found.append("bytes behind the elements: " + bytes(message.lastlayer()).hex())
    for element in walk(elements_of(message)):
        if isinstance(element, (IE_NotImplemented, Raw, Padding)):
            found.append("an element that scapy does not know: " + bytes(element).hex())
    if message.length != len(data) - 4:
        found.append(f"a length of {message.length} in {len(data)} bytes")
    message.clear_cache()
    if bytes(message) != data:
        found.append(f"{data.hex()}, which scapy writes as {bytes(message).hex()}")
    return found


def all_of(message, kind):
    return [element for element in walk(elements_of(message)) if isinstance(element, kind)]


def first(message, kind):
    return next(iter(all_of(message, kind)), None)


def tell(role, data, sender):
    message = PFCP(data)
    cause, node, f_seid = (first(message, kind) for kind in (IE_Cause, IE_NodeId, IE_FSEID))
    recovery = first(message, IE_RecoveryTimeStamp)
    features = first(message, IE_UPFunctionFeatures)
    f_teids = [(f.TEID, f.ipv4) for f in all_of(message, IE_FTEID) if f.CH == 0]
    say(
        role=role,
        sender=f"{sender[0]}:{sender[1]}",
        type=message.message_type,
        sequence=message.seq,
        seid=None if message.S == 0 else hex(message.seid),
        bytes=len(data),
        cause=None if cause is None else cause.cause,
        node=None if node is None else node.ipv4,
        fSeid=None if f_seid is None else [hex(f_seid.seid), f_seid.ipv4],
        recovery=None if recovery is None else recovery.timestamp,
        allocates=None if features is None else features.FTUP == 1,
        fTeids=f_teids,
        faults=faults_of(message, data),
    )
    return message


def open_socket(address):
    # Messages longer than a packet leave as fragments.
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    opened.bind((address, PORT))
    return opened


def ipv4_node(address):
    return IE_NodeId(id_type=0, ipv4=address)


class Smf:
    def __init__(self, own, peer):
        self.own, self.peer = own, peer
        self.socket = open_socket(own)
        self.seq = 0x7FFFFE

    def answer(self, data, sender):
        """Requests of the other side come in between."""
        message = PFCP(data)
        if message.message_type == 1:
            reply = build(PFCPHeartbeatResponse(IE_list=[IE_RecoveryTimeStamp(timestamp=RECOVERY["smf"])]), message.seq)
        elif message.message_type == 56:
            tell("smf", data, sender)
            reply = build(PFCPSessionReportResponse(IE_list=[IE_Cause(cause=ACCEPTED)]), message.seq, self.up_seid)
        else:
            return False
        self.socket.sendto(reply, sender)
        return True

    def receive(self, seconds):
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        data, sender = self.socket.recvfrom(65536)
        return (b"", sender) if self.answer(data, sender) else (data, sender)

    def ask(self, payload, seid=None, seq=None):
        """The answer as bytes, and as scapy reads it."""
        if seq is None:
            self.seq = seq = self.seq + 1
        data = build(payload, seq, seid)
        for _ in range(TRIES):
            self.socket.sendto(data, (self.peer, PORT))
            while (got := self.receive(RETRANSMIT_S)) is not None:
                if got[0] and PFCP(got[0]).seq == seq:
                    return got[0], tell("smf", *got)
        raise SystemExit(f"no answer to {payload.name}")

    def pdr(self, number, *detects):
        pdi = IE_PDI(IE_list=[IE_SourceInterface(interface="Access"), *detects])
        rest = [IE_OuterHeaderRemoval(header=0), IE_FAR_Id(id=1)]
        return IE_CreatePDR(IE_list=[IE_PDR_Id(id=number), IE_Precedence(precedence=number), pdi, *rest])

    def establishment(self, seid, *pdrs):
        far = IE_CreateFAR(IE_list=[IE_FAR_Id(id=1), IE_ApplyAction(FORW=1)])
        own = IE_FSEID(v4=1, seid=seid, ipv4=self.own)
        return PFCPSessionEstablishmentRequest(IE_list=[ipv4_node(self.own), own, *pdrs, far])

    def run(self):
        recovery = IE_RecoveryTimeStamp(timestamp=RECOVERY["smf"])
        self.ask(PFCPHeartbeatRequest(IE_list=[recovery]))
        associate = [ipv4_node(self.own), recovery, IE_CPFunctionFeatures()]
        self.ask(PFCPAssociationSetupRequest(IE_list=associate))
        # Two rules with one tunnel, and one of its own.
        shared = IE_FTEID(CHID=1, CH=1, V4=1, choose_id=7)
        alone = IE_FTEID(CH=1, V4=1)
        ue = IE_UE_IP_Address(V4=1, SD=0, ipv4="10.45.0.1")
        rules = [self.pdr(1, shared, ue), self.pdr(2, shared), self.pdr(3, alone)]
        request = self.establishment(0x1111_2222_3333_4444, *rules)
        data, message = self.ask(request, 0)
        self.up_seid = first(message, IE_FSEID).seid
        again, _ = self.ask(request, 0, message.seq)
        say(role="smf", same=again == data)
        self.ask(PFCPSessionModificationRequest(IE_list=[self.pdr(4, alone)]), self.up_seid)
        # The UPF reports about the session when it has been modified.
        self.receive(RETRANSMIT_S)
        many = [self.pdr(n, alone, IE_NetworkInstance(instance="internet")) for n in range(1, 101)]
        _, large = self.ask(self.establishment(0x5555, *many), 0)
        self.ask(PFCPSessionDeletionRequest(IE_list=[]), first(large, IE_FSEID).seid)
        self.ask(PFCPSessionDeletionRequest(IE_list=[]), self.up_seid)
        self.ask(PFCPSessionDeletionRequest(IE_list=[]), self.up_seid)
        self.ask(PFCPAssociationReleaseRequest(IE_list=[ipv4_node(self.own)]))


class Upf:
    def __init__(self, own):
        self.own = own
        self.socket = open_socket(own)
        self.seids, self.teids = FIRST_SEID, FIRST_TEID
        self.sessions = {}
        self.answers = {}

    def created(self, message):
        chosen = {}
        for pdr in all_of(message, IE_CreatePDR):
            f_teid = next(element for element in walk([pdr]) if isinstance(element, IE_FTEID))
            known = chosen.get(f_teid.choose_id) if f_teid.CHID else None
            if known is None:
                known, self.teids = self.teids, self.teids + 1
            if f_teid.CHID:
                chosen[f_teid.choose_id] = known
            number = next(element for element in walk([pdr]) if isinstance(element, IE_PDR_Id)).id
            yield IE_CreatedPDR(IE_list=[IE_PDR_Id(id=number), IE_FTEID(V4=1, TEID=known, ipv4=self.own)])

    def reply(self, message):
        accepted = IE_Cause(cause=ACCEPTED)
        recovery = IE_RecoveryTimeStamp(timestamp=RECOVERY["upf"])
        kind, seq = message.message_type, message.seq
        if kind == 1:
            return build(PFCPHeartbeatResponse(IE_list=[recovery]), seq)
        if kind == 5:
            features = IE_UPFunctionFeatures(FTUP=1, EMPU=1)
            parts = [ipv4_node(self.own), accepted, recovery, features]
            return build(PFCPAssociationSetupResponse(IE_list=parts), seq)
        if kind == 50:
            seid, self.seids = self.seids, self.seids + 1
            self.sessions[seid] = first(message, IE_FSEID).seid
            own = IE_FSEID(v4=1, seid=seid, ipv4=self.own)
            parts = [ipv4_node(self.own), accepted, own, *self.created(message)]
            return build(PFCPSessionEstablishmentResponse(IE_list=parts), seq, self.sessions[seid])
        other = self.sessions[message.seid] if message.S else None
        if kind == 52:
            parts = [accepted, *self.created(message)]
            return build(PFCPSessionModificationResponse(IE_list=parts), seq, other)
        if kind == 54:
            del self.sessions[message.seid]
            return build(PFCPSessionDeletionResponse(IE_list=[accepted]), seq, other)
        return None

    def report(self, seid, sender):
        data = IE_DownlinkDataReport(IE_list=[IE_PDR_Id(id=1)])
        parts = [IE_ReportType(DLDR=1), data]
        self.socket.sendto(build(PFCPSessionReportRequest(IE_list=parts), 0xABCDEF, self.sessions[seid]), sender)

    def run(self):
        while True:
            ready = select.select([self.socket, sys.stdin], [], [])[0]
            if sys.stdin in ready:
                return
            data, sender = self.socket.recvfrom(65536)
            # A request that comes again gets the answer of before.
            message = None
            if data not in self.answers:
                message = tell("upf", data, sender)
                self.answers[data] = self.reply(message)
            if self.answers[data] is not None:
                self.socket.sendto(self.answers[data], sender)
            if message is not None and message.message_type == 52:
                self.report(message.seid, sender)


role, *addresses = sys.argv[1:]
peer = Smf(*addresses) if role == "smf" else Upf(*addresses)
say(role=role, ready=True)
peer.run()
