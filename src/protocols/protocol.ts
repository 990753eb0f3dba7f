// What a protocol is to the rest of Sluice: a pure reader and writer of its messages that also says what they mean.
// Sans-IO: bytes in, data out. Knows no sockets, flows or maps.

/** `gtp` is GTP-U; GTP-C of both versions has names of its own. */
export const protocolNames = ['sctp', 'ngap', 's1ap', 'pfcp', 'gtp', 'gtpv1c', 'gtpv2', 'diameter', 'sip'] as const
export type ProtocolName = (typeof protocolNames)[number]

/** Where its messages are found. `ppid` is SCTP's payload protocol identifier; with one the port does not matter. */
export type Carrier =
  | { readonly over: 'ip'; readonly protocol: number }
  | { readonly over: 'udp' | 'tcp'; readonly port: number }
  | { readonly over: 'sctp'; readonly ppid: number }

/**
 * An identity that a protocol knows. `value` is canonical text: numbers of fixed width in lower-case hexadecimal
 * (`0x00000001`), addresses as `formatAddress` writes them, tunnel endpoints as `address/teid`.
 */
export interface SessionKey {
  readonly kind: SessionKind
  readonly value: string
}

export const sessionKinds = [
  'association', // SCTP: verification tag
  'amf-ue', // AMF-UE-NGAP-ID
  'ran-ue', // RAN-UE-NGAP-ID
  'mme-ue', // MME-UE-S1AP-ID
  'enb-ue', // eNB-UE-S1AP-ID
  's-tmsi', // 5G-S-TMSI, S-TMSI
  'guami', // GUAMI, GUMMEI
  'seid', // PFCP: SEID of the header, `address/seid` of an F-SEID
  'teid', // GTP: TEID of the header, `address/teid` of an F-TEID
  'ue-ip', // address of a UE
  'imsi',
  'session-id', // Diameter
  'call-id', // SIP
] as const
export type SessionKind = (typeof sessionKinds)[number]

/** Plain data for people and golden text; `undefined` does not occur. Numbers above 2^53 are bigint. */
export type FieldValue =
  string | number | bigint | boolean | readonly FieldValue[] | { readonly [name: string]: FieldValue }

export interface Description {
  /** of the message: `Session Establishment Request`, `NGSetupRequest`, `INVITE` */
  readonly name: string
  /** what a reader of captures looks at first; names in camel case */
  readonly fields: Readonly<Record<string, FieldValue>>
}

/** Who has sent a message: the side that opens towards the virtual address, or one behind it. */
export type Side = 'client' | 'endpoint'

/** What a message proves about where a session lives: the endpoint that it came from, or names, has it. */
export interface Learned {
  readonly action: 'add' | 'remove'
  readonly key: SessionKey
  /** where the session lives, when the message says so: canonical address; null: at the sender */
  readonly at: string | null
}

/** What stands inside payloads and must change. Each returns its argument where there is nothing to change. */
export interface AddressMap {
  /** 4 or 16 bytes; the answer has as many */
  address(bytes: Uint8Array): Uint8Array
  /** Host names and identifiers, where a protocol has them: SIP hosts, Diameter identities, Node IDs. */
  name?(text: string): string
  teid?(address: Uint8Array, teid: number): number
  seid?(address: Uint8Array, seid: bigint): bigint
}

/** An application-level health check: what is sent, and whether an answer shows that the peer is well. */
export interface Probe<Message> {
  request(): Message
  isAlive(answer: Message): boolean
}

export interface Protocol<Message> {
  readonly name: ProtocolName
  /** for people, with its specification: `PFCP (TS 29.244)` */
  readonly title: string
  readonly carriedBy: readonly Carrier[]
  /**
   * Reads one message, which is all of `bytes`. Byte strings in it are views. Throws DecodeError, and nothing else,
   * whatever the bytes are. What it does not know it keeps.
   */
  decode(bytes: Uint8Array): Message
  /** Writes what `decode` has read, byte for byte where nothing was changed. Throws RangeError for what has no room. */
  encode(message: Message): Uint8Array
  describe(message: Message): Description
  /** The name that `describe` gives, for whoever wants nothing else; left out where it costs no less. */
  nameOf?(message: Message): string
  /** Each once, in the order of the message. */
  sessions(message: Message): readonly SessionKey[]
  learn?(message: Message, from: Side): readonly Learned[]
  translate?(message: Message, names: AddressMap): Message
  readonly probe?: Probe<Message>
  /**
   * Over a stream of bytes: how many bytes the first message of `bytes` has; null while too few are there to tell.
   * Throws DecodeError where no message can begin so, and where it would be longer than the protocol's named limit.
   */
  frame?(bytes: Uint8Array): number | null
}
