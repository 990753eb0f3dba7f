// Numbers of SCTP and what they are called: chunks, parameters and causes as IANA registers them, payload protocols
// as far as mobile networks know them.

/** RFC 9260 and, where said, others. */
export const chunkNames: ReadonlyMap<number, string> = new Map([
  [0, 'DATA'],
  [1, 'INIT'],
  [2, 'INIT ACK'],
  [3, 'SACK'],
  [4, 'HEARTBEAT'],
  [5, 'HEARTBEAT ACK'],
  [6, 'ABORT'],
  [7, 'SHUTDOWN'],
  [8, 'SHUTDOWN ACK'],
  [9, 'ERROR'],
  [10, 'COOKIE ECHO'],
  [11, 'COOKIE ACK'],
  [12, 'ECNE'],
  [13, 'CWR'],
  [14, 'SHUTDOWN COMPLETE'],
  [15, 'AUTH'], // RFC 4895
  [16, 'NR-SACK'],
  [64, 'I-DATA'], // RFC 8260
  [128, 'ASCONF-ACK'], // RFC 5061
  [129, 'PKTDROP'],
  [130, 'RE-CONFIG'], // RFC 6525
  [132, 'PAD'], // RFC 4820
  [192, 'FORWARD-TSN'], // RFC 3758
  [193, 'ASCONF'], // RFC 5061
  [194, 'I-FORWARD-TSN'], // RFC 8260
])

/** What the value of a parameter or a cause is. */
export type Shape =
  | 'none'
  | 'bytes'
  /** 4 bytes of IPv4, 16 of IPv6 */
  | 'address4'
  | 'address6'
  /** 4 bytes */
  | 'number'
  | 'numbers8'
  | 'numbers16'
  /** a count of 4 bytes, and so many numbers of 2 */
  | 'counted'
  /** a number that an answer repeats, and a list of parameters */
  | 'correlated'
  /** such a number, and a list of causes */
  | 'refused'
  /** three numbers, and streams of 2 bytes */
  | 'outgoingReset'
  /** a number, and streams of 2 bytes */
  | 'incomingReset'
  /** two, or four, numbers */
  | 'response'
  /** a number, and two of 2 bytes */
  | 'addStreams'

export interface Registered {
  readonly name: string
  readonly shape: Shape
}

const registered = (entries: readonly (readonly [number, string, Shape])[]): ReadonlyMap<number, Registered> =>
  new Map(entries.map(([type, name, shape]) => [type, { name, shape }]))

export const parameters = registered([
  [1, 'Heartbeat Info', 'bytes'],
  [5, 'IPv4 Address', 'address4'],
  [6, 'IPv6 Address', 'address6'],
  [7, 'State Cookie', 'bytes'],
  [8, 'Unrecognized Parameter', 'bytes'],
  [9, 'Cookie Preservative', 'number'],
  [11, 'Host Name Address', 'bytes'],
  [12, 'Supported Address Types', 'numbers16'],
  [13, 'Outgoing SSN Reset Request', 'outgoingReset'],
  [14, 'Incoming SSN Reset Request', 'incomingReset'],
  [15, 'SSN/TSN Reset Request', 'number'],
  [16, 'Re-configuration Response', 'response'],
  [17, 'Add Outgoing Streams Request', 'addStreams'],
  [18, 'Add Incoming Streams Request', 'addStreams'],
  [0x8000, 'ECN Capable', 'none'],
  [0x8001, 'Zero Checksum Acceptable', 'number'], // RFC 9653
  [0x8002, 'Random', 'bytes'],
  [0x8003, 'Chunk List', 'numbers8'],
  [0x8004, 'Requested HMAC Algorithm', 'numbers16'],
  [0x8005, 'Padding', 'bytes'],
  [0x8008, 'Supported Extensions', 'numbers8'],
  [0xc000, 'Forward-TSN Supported', 'none'],
  [0xc001, 'Add IP Address', 'correlated'],
  [0xc002, 'Delete IP Address', 'correlated'],
  [0xc003, 'Error Cause Indication', 'refused'],
  [0xc004, 'Set Primary Address', 'correlated'],
  [0xc005, 'Success Indication', 'number'],
  [0xc006, 'Adaptation Layer Indication', 'number'],
])

export const causes = registered([
  [1, 'Invalid Stream Identifier', 'numbers16'],
  [2, 'Missing Mandatory Parameter', 'counted'],
  [3, 'Stale Cookie', 'number'],
  [4, 'Out of Resource', 'none'],
  [5, 'Unresolvable Address', 'bytes'],
  [6, 'Unrecognized Chunk Type', 'bytes'],
  [7, 'Invalid Mandatory Parameter', 'bytes'],
  [8, 'Unrecognized Parameters', 'bytes'],
  [9, 'No User Data', 'number'],
  [10, 'Cookie Received While Shutting Down', 'none'],
  [11, 'Restart of an Association with New Addresses', 'bytes'],
  [12, 'User-Initiated Abort', 'bytes'],
  [13, 'Protocol Violation', 'bytes'],
  [0xa0, 'Request to Delete Last Remaining IP Address', 'bytes'], // RFC 5061
  [0xa1, 'Operation Refused Due to Resource Shortage', 'bytes'],
  [0xa2, 'Request to Delete Source IP Address', 'bytes'],
  [0xa3, 'Association Aborted Due to Illegal ASCONF-ACK', 'bytes'],
  [0xa4, 'Request Refused - No Authorization', 'bytes'],
  [0x105, 'Unsupported HMAC Identifier', 'numbers16'], // RFC 4895
])

export const payloadProtocols: ReadonlyMap<number, string> = new Map([
  [1, 'IUA'],
  [2, 'M2UA'],
  [3, 'M3UA'],
  [4, 'SUA'],
  [5, 'M2PA'],
  [7, 'H.248'],
  [18, 'S1AP'],
  [19, 'RUA'],
  [20, 'HNBAP'],
  [21, 'ForCES-HP'],
  [22, 'ForCES-MP'],
  [23, 'ForCES-LP'],
  [24, 'SBc-AP'],
  [25, 'NBAP'],
  [27, 'X2AP'],
  [29, 'LCS-AP'],
  [31, 'SABP'],
  [42, 'RNA'],
  [43, 'M2AP'],
  [44, 'M3AP'],
  [46, 'Diameter'],
  [47, 'Diameter over DTLS'],
  [50, 'WebRTC Control'],
  [51, 'WebRTC String'],
  [53, 'WebRTC Binary'],
  [55, 'PUA'],
  [58, 'XwAP'],
  [60, 'NGAP'],
  [61, 'XnAP'],
  [62, 'F1AP'],
  [64, 'E1AP'],
  [66, 'NGAP over DTLS'],
  [67, 'XnAP over DTLS'],
  [68, 'F1AP over DTLS'],
  [69, 'E1AP over DTLS'],
  [70, 'E2-CP'],
  [71, 'E2-UP'],
  [72, 'E2-DU'],
  [73, 'W1AP'],
])
