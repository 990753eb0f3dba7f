// The messages of RFC 4475 ("Session Initiation Protocol Torture Test Messages") and some of RFC 5118 (IPv6). Those of
// 3.1.2 are not valid; a balancer refuses the ones whose framing can be read in two ways and passes the others on.

import test from 'ava'
import { protocolSuite } from '../../testing/protocol-suite.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { sip } from './index.ts'
import type { Vector } from '../../testing/protocol-suite.ts'
import type { Protocol } from '../protocol.ts'
import type { SipMessage } from './index.ts'

/** Lines as they are printed, the first one empty, as the bytes that they stand for; characters are UTF-8. */
const bytesOfLines = (lines: string): Uint8Array =>
  new Uint8Array(Buffer.from(lines.replace(/^\n/, '').replaceAll('\n', '\r\n'), 'utf8'))

const sdp = (origin: string, connection = origin, time = '0 0'): string =>
  `v=0
o=mhandley 29739 7272939 IN IP4 ${origin}
s=-
c=IN IP4 ${connection}
t=${time}
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
`

const vector = (
  title: string,
  lines: string,
  name: string,
  callId: string | null,
  fields: Readonly<Record<string, unknown>> = {},
): Vector => ({
  title,
  hex: Buffer.from(bytesOfLines(lines)).toString('hex'),
  name,
  fields,
  sessions: callId === null ? [] : [{ kind: 'call-id', value: callId }],
})

const times = (text: string, count: number): string => text.repeat(count)
const strangeMethod = "!interesting-Method0123456789_*+`.%indeed'~"
const strangeUser = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
const strangePassword = "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
const caller = times('amazinglylongcallername', 5)
const longParameters = `unknownparam1=very${times('long', 20)}value;longparam${times('name', 25)}=shortvalue;very\
${times('long', 25)}ParameterNameWithNoValue`
const longUnknown = `unknownheaderparam${times('name', 20)}=unknowheaderparam${times('value', 15)};unknownValueless\
${times('paramname', 10)}`
const vias = (first: number, last: number, name: string): string =>
  Array.from({ length: first - last + 1 }, (_, i) => `${name}: SIP/2.0/TCP sip${first - i}.example.com\n`).join('')

const valid: readonly Vector[] = [
  vector(
    'RFC 4475, 3.1.1.1, a short tortuous INVITE',
    `
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

${sdp('192.0.2.3', '192.0.2.4')}`,
    'INVITE',
    'wsinv.ndaksdj@192.0.2.1',
    {
      uri: 'sip:vivekg@chair-dnrc.example.com;unknownparam',
      to: { uri: 'sip:vivekg@chair-dnrc.example.com', tag: '1918181833n' },
      from: { name: '"J Rosenberg \\\\\\""', uri: 'sip:jdrosen@example.com', tag: '98asjd8' },
      maxForwards: 68,
      contentLength: 150,
      cseq: '0009 INVITE',
      via: [
        { transport: 'UDP', sentBy: '192.0.2.2', branch: '390skdjuw' },
        { transport: 'TCP', sentBy: 'spindle.example.com', branch: 'z9hG4bK9ikj8' },
        { transport: 'UDP', sentBy: '192.168.255.111', branch: 'z9hG4bK30239' },
      ],
      route: ['sip:services.example.com;lr;unknownwith=value;unknown-no-value'],
      contact: ['sip:jdrosen@example.com'],
      contentType: 'application/sdp',
    },
  ),
  vector(
    'RFC 4475, 3.1.1.2, a wide range of valid characters',
    `
${strangeMethod} sip:${strangeUser}:${strangePassword}@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+\`'~
To: "BEL:\\\u0007 NUL:\\\u0000 DEL:\\\u007f" <sip:${strangeUser}@example.com>
From: token1~\` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="работающий"\
;tag=_token~1'+\`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word\`~)(><:\\/"][?}{
CSeq: 139122385 ${strangeMethod}
Max-Forwards: 255
extensionHeader-!.%*+_\`'~:\ufeff大停電
Content-Length: 0

`,
    strangeMethod,
    'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{',
    {
      uri: `sip:${strangeUser}:${strangePassword}@example.com`,
      via: [{ transport: 'TCP', sentBy: 'host1.example.com', branch: "z9hG4bK-.!%66*_+`'~" }],
      to: { name: '"BEL:\\\u0007 NUL:\\\u0000 DEL:\\\u007f"', uri: `sip:${strangeUser}@example.com` },
      from: { name: "token1~` token2'+_ token3*%!.-", uri: 'sip:mundane@example.com', tag: "_token~1'+`*%!-." },
    },
  ),
  vector(
    'RFC 4475, 3.1.1.3, valid use of escapes',
    `
INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 150

${sdp('192.0.2.1')}`,
    'INVITE',
    'esc01.239409asdfakjkn23onasd0-3234',
    { contact: ['sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31'], contentType: 'application/sdp' },
  ),
  vector(
    'RFC 4475, 3.1.1.4, escaped nulls',
    `
REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

`,
    'REGISTER',
    'escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd',
    { contact: ['sip:%00@host5.example.com', 'sip:%00%00@host5.example.com'], contentLength: 0 },
  ),
  vector(
    'RFC 4475, 3.1.1.5, percent signs that escape nothing',
    `
RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

`,
    'RE%47IST%45R',
    'esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf',
    { contact: ['sip:alias1@host1.example.com', 'sip:alias3@host3.example.com'] },
  ),
  vector(
    'RFC 4475, 3.1.1.6, no blank between display name and angle bracket',
    `
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

`,
    'OPTIONS',
    'lwsdisp.1234abcd@funky.example.com',
    { from: { name: 'caller', uri: 'sip:caller@example.com', tag: '323' } },
  ),
  vector(
    'RFC 4475, 3.1.1.7, long values',
    `
INVITE sip:user@example.com SIP/2.0
To: "I have a user name of ${times('extreme', 10)} proportion" <sip:user@example.com:6000;${longParameters}>
F: sip:${caller}@example.net;tag=12${times('982', 50)}424;${longUnknown}
Call-ID: longreq.one${times('really', 20)}longcallid
CSeq: 3882340 INVITE
Unknown-${times('Long', 20)}-Name: unknown-${times('long', 20)}-value;
 unknown-${times('long', 20)}-parameter-name = unknown-${times('long', 20)}-parameter-value
${vias(33, 33, 'Via')}${vias(32, 32, 'v')}${vias(31, 31, 'V')}${vias(30, 30, 'ViA')}\
${vias(29, 28, 'V  ')}${vias(27, 1, 'Via')}\
Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very${times('long', 50)}branchvalue
Max-Forwards: 70
Contact: <sip:${caller}@host5.example.net>
Content-Type: application/sdp
l: 150

${sdp('192.0.2.1')}`,
    'INVITE',
    `longreq.one${times('really', 20)}longcallid`,
    { contact: [`sip:${caller}@host5.example.net`] },
  ),
  vector(
    'RFC 4475, 3.1.1.8, more bytes in a datagram than the message has',
    `
REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
Max-Forwards: 8
Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234
Content-Type: application/sdp
Content-Length: 150

${sdp('192.0.2.15')}`,
    'REGISTER',
    'dblreq.0ha0isndaksdj99sdfafnl3lk233412',
    { cseq: '8 REGISTER', contact: ['sip:j.user@host.example.com'] },
  ),
  vector(
    'RFC 4475, 3.1.1.9, semicolons in the user part',
    `
OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

`,
    'OPTIONS',
    'semiuri.0ha0isndaksdj',
    { uri: 'sip:user;par=u%40example.net@example.com' },
  ),
  vector(
    'RFC 4475, 3.1.1.10, varied and unknown transports',
    `
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

`,
    'OPTIONS',
    'transports.kijh4akdnaqjkwendsasfdj',
    {
      via: [
        { transport: 'UDP', sentBy: 't1.example.com', branch: 'z9hG4bKkdjuw' },
        { transport: 'SCTP', sentBy: 't2.example.com', branch: 'z9hG4bKklasjdhf' },
        { transport: 'TLS', sentBy: 't3.example.com', branch: 'z9hG4bK2980unddj' },
        { transport: 'UNKNOWN', sentBy: 't4.example.com', branch: 'z9hG4bKasd0f3en' },
        { transport: 'TCP', sentBy: 't5.example.com', branch: 'z9hG4bK0a9idfnee' },
      ],
    },
  ),
  vector(
    'RFC 4475, 3.1.1.12, an unusual reason',
    `
SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 154
Content-Type: application/sdp
Contact: <sip:user@host198.example.com>

${sdp('192.0.2.198')}`,
    '200 INVITE',
    'unreason.1234ksdfak3j2erwedfsASdf',
    { status: 200, reason: '= 2**3 * 5**2 но сто девяносто девять - простое' },
  ),
  vector(
    'RFC 4475, 3.1.1.13, an empty reason',
    `
SIP/2.0 100${' '}
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: noreason.asndj203insdf99223ndf
CSeq: 35 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

`,
    '100 INVITE',
    'noreason.asndj203insdf99223ndf',
    { status: 100, reason: '' },
  ),
]

const passedOn: readonly Vector[] = [
  vector(
    'RFC 4475, 3.1.2.1, separators with nothing between them',
    `
INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: 152
Content-Type: application/sdp

${sdp('192.0.2.15')}`,
    'INVITE',
    'badinv01.0ha0isndaksdjasdf3234nas',
    { via: [{ transport: 'UDP', sentBy: '192.0.2.15' }, { malformed: ';' }], contact: ['sip:joe@example.org'] },
  ),
  vector(
    'RFC 4475, 3.1.2.4, numbers too large in a request',
    `
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
To: <sip:user@example.com>
From: <sip:user@example.com>;tag=239232jh3
CSeq: 36893488147419103232 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
Expires: 1${times('0', 100)}
Contact: <sip:user@host129.example.com>
  ;expires=280297596632815
Content-Length: 0

`,
    'REGISTER',
    'scalar02.23o0pd9vanlq3wnrlnewofjas9ui32',
    { cseq: '36893488147419103232 REGISTER', expires: `1${times('0', 100)}` },
  ),
  vector(
    'RFC 4475, 3.1.2.5, numbers too large in a response',
    `
SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture "In Progress"
Content-Length: 0

`,
    '503 OPTIONS',
    'scalarlg.noase0of0234hn2qofoaf0232aewf2394r',
    { retryAfter: '949302838503028349304023988' },
  ),
  vector(
    'RFC 4475, 3.1.2.6, a quoted string that does not end',
    `
INVITE sip:user@example.com SIP/2.0
To: "Mr. J. User <sip:j.user@example.com>
From: sip:caller@example.net;tag=93334
Max-Forwards: 10
Call-ID: quotbal.aksdj
Contact: <sip:caller@host59.example.net>
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234
Content-Type: application/sdp
Content-Length: 152

${sdp('192.0.2.15')}`,
    'INVITE',
    'quotbal.aksdj',
    { to: { name: '"Mr. J. User', uri: 'sip:j.user@example.com' } },
  ),
  vector(
    'RFC 4475, 3.1.2.7, angle brackets around the Request-URI',
    `
INVITE <sip:user@example.com> SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=39291
Max-Forwards: 23
Call-ID: ltgtruri.1@192.0.2.5
CSeq: 1 INVITE
Via: SIP/2.0/UDP 192.0.2.5
Contact: <sip:caller@host5.example.net>
Content-Type: application/sdp
Content-Length: 159

${sdp('192.0.2.5', '192.0.2.5', '3149328700 0')}`,
    'INVITE',
    'ltgtruri.1@192.0.2.5',
    { uri: '<sip:user@example.com>' },
  ),
  vector(
    'RFC 4475, 3.1.2.11, headers in the Request-URI',
    `
INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=341518
Max-Forwards: 7
Contact: <sip:caller@host39923.example.net>
Call-ID: escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5
CSeq: 149209342 INVITE
Via: SIP/2.0/UDP host-of-the-hour.example.com;branch=z9hG4bKkdjuw
Content-Type: application/sdp
Content-Length: 150

${sdp('192.0.2.1')}`,
    'INVITE',
    'escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5',
    { uri: 'sip:user@example.com?Route=%3Csip:example.com%3E' },
  ),
  vector(
    'RFC 4475, 3.1.2.13, an address without its angle brackets',
    `
REGISTER sip:example.com SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=998332
Max-Forwards: 70
Call-ID: regbadct.k345asrl3fdbv@10.0.0.1
CSeq: 1 REGISTER
Via: SIP/2.0/UDP 135.180.130.133:5060;branch=z9hG4bKkdjuw
Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E
l: 0

`,
    'REGISTER',
    'regbadct.k345asrl3fdbv@10.0.0.1',
    { contact: ['sip:user@example.com?Route=%3Csip:sip.example.com%3E'] },
  ),
  vector(
    'RFC 4475, 3.1.2.14 and 3.1.2.15, blanks in an address and a display name that is no token',
    `
OPTIONS sip:t.watson@example.org SIP/2.0
Via:     SIP/2.0/UDP c.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards:      70
From:    Bell, Alexander <sip:a.g.bell@example.com>;tag=43
To:      "Watson, Thomas" < sip:t.watson@example.org >
Call-ID: baddn.31415@c.example.com
Accept: application/sdp
CSeq:    3923239 OPTIONS
l: 0

`,
    'OPTIONS',
    'baddn.31415@c.example.com',
    {
      from: { name: 'Bell, Alexander', uri: 'sip:a.g.bell@example.com', tag: '43' },
      to: { name: '"Watson, Thomas"', uri: 'sip:t.watson@example.org' },
    },
  ),
  vector(
    'RFC 4475, 3.1.2.17, methods that differ',
    `
OPTIONS sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=34525
Max-Forwards: 6
Call-ID: mismatch01.dj0234sxdfl3
CSeq: 8 INVITE
Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw
l: 0

`,
    'OPTIONS',
    'mismatch01.dj0234sxdfl3',
    { cseq: '8 INVITE' },
  ),
  vector(
    'RFC 4475, 3.3.1, headers that must be there are missing',
    `
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: 152

${sdp('192.0.2.95')}`,
    'INVITE',
    null,
    { cseq: '193942 INVITE' },
  ),
  vector(
    'RFC 4475, 3.3.2, an unknown scheme in the Request-URI',
    `
OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=384
Max-Forwards: 3
Call-ID: unkscm.nasdfasser0q239nwsdfasdkl34
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234
Content-Length: 0

`,
    'OPTIONS',
    'unkscm.nasdfasser0q239nwsdfasdkl34',
    { uri: 'nobodyKnowsThisScheme:totallyopaquecontent' },
  ),
  // Printed with a length of 154, which its body does not have.
  vector(
    'RFC 4475, 3.3.8, several values where one may be',
    `
INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: 152
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5

${sdp('192.0.2.25')}`,
    'INVITE',
    'multi01.98asdh@192.0.2.1',
    { maxForwards: 70, cseq: '5 INVITE', from: { uri: 'sip:caller@example.com', tag: '3413415' } },
  ),
  vector(
    'RFC 4475, 3.3.10, a response with a broadcast address in its Via',
    `
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 154
Content-Type: application/sdp
Contact: <sip:user@host28.example.com>

${sdp('192.0.2.198')}`,
    '200 INVITE',
    'bcast.0384840201234ksdfak3j2erwedfsASdf',
    {
      via: [
        { transport: 'UDP', sentBy: '192.0.2.198', branch: 'z9hG4bK1324923' },
        { transport: 'UDP', sentBy: '255.255.255.255', branch: 'z9hG4bK1saber23' },
      ],
    },
  ),
  vector(
    'RFC 4475, 3.4.1, an INVITE of RFC 2543',
    `
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

${sdp('192.0.2.5')}`,
    'INVITE',
    'inv2543.1717@ift.client.example.com',
    {
      recordRoute: ['sip:UserB@example.com;maddr=ss1.example.com'],
      to: { uri: 'sip:+16505552222@ss1.example.net' },
    },
  ),
  vector(
    'RFC 5118, 4.5, an IPv6 address in received',
    `
BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE
Content-Length: 0

`,
    'BYE',
    'SSG9559905523997077@hlau_4100',
    {
      via: [{ transport: 'UDP', sentBy: '[2001:db8::9:1]', branch: 'z9hG4bKas3-111', received: '[2001:db8::9:255]' }],
    },
  ),
]

const start = (line: string, more = ''): string => `
${line}
To: sip:user@example.com
From: sip:caller@example.net;tag=8814
Call-ID: torture@example.com
CSeq: 1893884 INVITE
Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw3923
${more}
`

const refused: readonly (readonly [string, string, string])[] = [
  ['3.1.2.2, Content-Length larger than the message', start('INVITE sip:u@e SIP/2.0', 'l: 9999\n'), 'truncated'],
  ['3.1.2.3, a negative Content-Length', start('INVITE sip:u@e SIP/2.0', 'Content-Length: -999\n'), 'length lies'],
  ['3.1.2.8, a blank in the Request-URI', start('INVITE sip:user@example.com; lr SIP/2.0'), 'malformed start line'],
  ['3.1.2.9, two spaces', start('INVITE  sip:user@example.com  SIP/2.0'), 'malformed start line'],
  ['3.1.2.10, spaces at the end', start('OPTIONS sip:remote-target@example.com SIP/2.0  '), 'malformed start line'],
  ['3.1.2.16, an unknown version', start('OPTIONS sip:t.watson@example.org SIP/7.0'), 'unknown version'],
  ['3.1.2.19, a status too large', start('SIP/2.0 4294967301 better not break the receiver'), 'malformed start line'],
  ['3.3.9, two lengths', start('OPTIONS sip:u@e SIP/2.0', 'Content-Length: 0\nContent-Length: 5\n'), 'length lies'],
]

/** Some have no Content-Length, or more bytes than a message: they can come in datagrams only. */
const overDatagrams: { frame?: unknown } & Protocol<SipMessage> = { ...sip }
delete overDatagrams.frame
protocolSuite(overDatagrams, { vectors: [...valid, ...passedOn], hostile: [] })

for (const [title, lines, reason] of refused) {
  test(`sip: RFC 4475, ${title}, is refused`, (t) => {
    const error = t.throws(() => sip.decode(bytesOfLines(lines)), { instanceOf: DecodeError })
    t.is(error?.reason, reason)
  })
}

test('sip: RFC 4475, 3.1.1.11, a body with binary parts ends where its length says', (t) => {
  const body = Buffer.concat([
    Buffer.from('--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n'),
    Buffer.from('3082015206092a864886f70d010702a08201433082013f02010131093007060500000d0a0d0a00', 'hex'),
    Buffer.from('\r\n--7a9cbec02ceef655--\r\n'),
  ])
  const head = bytesOfLines(`
MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Route: <sip:127.0.0.1:5080>
Contact: <sip:fluffy@127.0.0.1:5070>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=2fb0dcc9
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Transfer-Encoding: binary
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Content-Length: ${body.length}

`)
  const bytes = new Uint8Array(Buffer.concat([head, body]))
  t.is(sip.frame?.(new Uint8Array(Buffer.concat([bytes, bytes]))), bytes.length)
  const message = sip.decode(bytes)
  t.is(sip.describe(message).name, 'MESSAGE')
  t.deepEqual(sip.encode(message), bytes)
})
