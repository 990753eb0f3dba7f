// FTP: the control connection is changed on its way where it names a data connection, and that is let in.

import { Dialogue } from '../../../protocols/ftp/index.ts'
import { Connection } from './connection.ts'
import { keepsClient } from './control.ts'
import { tcpFlags } from './segment.ts'
import type { Control } from './control.ts'
import type { Outgoing } from './connection.ts'
import type { Segment } from './segment.ts'
import type { Editor } from './stream.ts'
import type { Offer, Side } from '../../../protocols/ftp/index.ts'
import type { Expectation, PortRequest } from '../../expectations.ts'

/** Time for a data connection to begin. */
const lifetimeMs = 60_000
const tcp = 6
const lineFeed = 10
const carriageReturn = 13

/** A port that can be announced; null: there is none. */
export type Reserve = (request: PortRequest) => number | null

export interface Step {
  readonly out: readonly Outgoing[]
  readonly expectations: readonly Expectation[]
  /** what was asked for and is not done */
  readonly refused: readonly string[]
}

export class FtpControl {
  readonly #control: Control
  readonly #reserve: Reserve
  readonly #connection: Connection
  #expectations: Expectation[] = []
  #refused: string[] = []

  constructor(control: Control, reserve: Reserve) {
    const { client, server, source, vip } = control.ends
    this.#control = control
    this.#reserve = reserve
    const parties = { client: client.address, vip: vip.address, source: source.address, server: server.address }
    const dialogue = new Dialogue(parties)
    this.#connection = new Connection({
      client: this.#editor('client', dialogue),
      server: this.#editor('server', dialogue),
    })
  }

  get retryAt(): number | null {
    return this.#connection.retryAt
  }

  /** A client's SYN with other numbers begins another connection. */
  isAnother(segment: Segment): boolean {
    return (segment.flags & (tcpFlags.syn | tcpFlags.ack)) === tcpFlags.syn && !this.#connection.begunBy(segment)
  }

  receive(from: Side, segment: Segment, nowMs: number): Step {
    const out = this.#connection.receive(from, segment, nowMs)
    const step = { out, expectations: this.#expectations, refused: this.#refused }
    this.#expectations = []
    this.#refused = []
    return step
  }

  due(nowMs: number): readonly Outgoing[] {
    return this.#connection.due(nowMs)
  }

  #editor(side: Side, dialogue: Dialogue): Editor {
    return {
      line: (bytes) => this.#line(side, dialogue, bytes),
      waits: (start) => dialogue.concerns(side, latin1(start)),
      get done() {
        return dialogue.secure
      },
    }
  }

  #line(side: Side, dialogue: Dialogue, bytes: Uint8Array): Uint8Array | null {
    const ending = bytes.at(-1) !== lineFeed ? 0 : bytes.at(-2) === carriageReturn ? 2 : 1
    const line = latin1(bytes.subarray(0, bytes.length - ending))
    const heard = dialogue.hear(side, line)
    const said = heard.kind === 'offer' ? this.#offer(heard) : heard.kind === 'pass' ? null : heard.line
    if (heard.kind === 'refuse') this.#refused.push(heard.reason)
    if (said === null || said === line) return null
    return Buffer.concat([Buffer.from(said, 'latin1'), bytes.subarray(bytes.length - ending)])
  }

  #offer(offer: Offer): string {
    const expectation = offer.listener === 'server' ? this.#passive(offer.port) : this.#active(offer.port)
    if (expectation === null) {
      this.#refused.push('no port')
      return offer.instead
    }
    this.#expectations.push(expectation)
    return offer.say(expectation.address, expectation.port)
  }

  /** The client comes to the VIP. */
  #passive(serverPort: number): Expectation | null {
    const { ends, name, service } = this.#control
    const address = ends.vip.address
    const port = this.#reserve({ address, protocol: tcp, wanted: serverPort })
    if (port === null) return null
    return {
      service,
      protocol: tcp,
      address,
      port,
      from: ends.client.address,
      to: { address: ends.server.address, port: serverPort },
      source: keepsClient(ends) ? null : ends.source.address,
      lifetimeMs,
      owner: name,
    }
  }

  /** The server comes to what it takes for the client, and the client sees the VIP. */
  #active(clientPort: number): Expectation | null {
    const { ends, name, service } = this.#control
    const { address } = ends.source
    const port = keepsClient(ends) ? clientPort : this.#reserve({ address, protocol: tcp, wanted: clientPort })
    if (port === null) return null
    return {
      service,
      protocol: tcp,
      address,
      port,
      from: ends.server.address,
      to: { address: ends.client.address, port: clientPort },
      source: ends.vip.address,
      lifetimeMs,
      owner: name,
    }
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
