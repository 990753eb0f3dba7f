// The control connection as somebody hears it who stands between client and server: which line names a data connection,
// and what has to be said in its place. Pure: line in, decision out.
//
// Between the families (RFC 6384) PORT and EPRT become each other, and so do EPSV and PASV with their replies, because
// the older ones have room for IPv4 addresses only. After AUTH has been accepted nothing can be read any more.

import { isMappedIPv4 } from '../../wire/ip.ts'
import { readPlace, replacePlace, writePlace } from './addresses.ts'
import type { Place, Read, Refusal } from './addresses.ts'

export type Side = 'client' | 'server'

/** The addresses of the control connection: each side sees one of its own and one of ours. 16 bytes each. */
export interface Parties {
  readonly client: Uint8Array
  /** what the client connects to */
  readonly vip: Uint8Array
  /** what the server takes for its client */
  readonly source: Uint8Array
  readonly server: Uint8Array
}

/** What becomes of a line. Lines are given and answered without their end of line. */
export type Heard =
  | { readonly kind: 'pass' }
  | { readonly kind: 'replace'; readonly line: string }
  | Offer
  /** the line asks for what is not allowed; null: it goes on as it is, and nothing is done for it */
  | { readonly kind: 'refuse'; readonly reason: Refusal; readonly line: string | null }

/** One side listens for the data connection. */
export interface Offer {
  readonly kind: 'offer'
  /** it listens at its own address: others are refused */
  readonly listener: Side
  readonly port: number
  /** the line that sends the other side to this place */
  readonly say: (address: Uint8Array, port: number) => string
  /** the line that says that there is no data connection to be had */
  readonly instead: string
}

/** A request for passive mode that is not answered yet: the reply the server gives, and the one the client expects. */
interface Asked {
  readonly server: '227' | '229'
  readonly client: '227' | '229'
}

const pass: Heard = { kind: 'pass' }
/** Requests for passive mode without a reply that are remembered: clients wait for each. */
const mostAsked = 8

const commandPattern = /^([A-Za-z]{3,4})(?: +(.*?))? *$/
const replyPattern = /^([0-9]{3})([ -])/
/** AUTH is accepted, perhaps with more to say: what follows is not for us. */
const secureReplies = new Set(['232', '234', '334'])

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, index) => byte === b[index])

/** What a server refuses as it stands. */
const impossible = { PORT: 'PORT 0,0,0,0,0,0', EPRT: 'EPRT |1|0.0.0.0|0|' } as const

export class Dialogue {
  readonly #parties: Parties
  /** client and server are of different families */
  readonly #crossing: boolean
  #asked: readonly Asked[] = []
  #extendedOnly = false
  #authAsked = false
  #secure = false
  /** the code of a reply that goes on for some lines */
  #reply: string | null = null

  constructor(parties: Parties) {
    this.#parties = parties
    this.#crossing = isMappedIPv4(parties.client) !== isMappedIPv4(parties.server)
  }

  /** Encrypted from here on: lines are no lines. */
  get secure(): boolean {
    return this.#secure
  }

  /** Whether a line that begins like this could become one that is changed. */
  concerns(side: Side, start: string): boolean {
    if (this.#secure) return false
    const begins = (word: string): boolean => word.startsWith(start.slice(0, word.length).toUpperCase())
    if (side === 'server') return this.#reply === null && this.#asked.length > 0 && (begins('227') || begins('229'))
    return begins('PORT') || begins('EPRT') || (this.#crossing && (begins('EPSV') || begins('PASV')))
  }

  /** A whole line. One that was too long to be read is not heard. */
  hear(side: Side, line: string): Heard {
    if (this.#secure) return pass
    return side === 'client' ? this.#command(line) : this.#answer(line)
  }

  #command(line: string): Heard {
    const [, word = '', argument = ''] = commandPattern.exec(line) ?? []
    switch (word.toUpperCase()) {
      case 'PORT':
        return this.#active('PORT', line, argument)
      case 'EPRT':
        return this.#active('EPRT', line, argument)
      case 'PASV':
        return this.#passive('227')
      case 'EPSV':
        if (argument.toUpperCase() !== 'ALL') return this.#passive('229')
        // From now on the client says nothing else, and the server has agreed or will say so.
        this.#extendedOnly = true
        return pass
      case 'AUTH':
        this.#authAsked = true
        return pass
      default:
        return pass
    }
  }

  #active(form: 'PORT' | 'EPRT', line: string, argument: string): Heard {
    const { client, server } = this.#parties
    const place = this.#own(readPlace(form, argument), [client])
    if (!place.ok) return { kind: 'refuse', reason: place.reason, line: impossible[form] }
    const other = isMappedIPv4(server) ? 'PORT' : 'EPRT'
    const said = this.#crossing ? other : form
    return {
      kind: 'offer',
      listener: 'client',
      port: place.value.port,
      say: (address, port) =>
        said === form && port === place.value.port && same(address, client)
          ? line
          : `${said} ${writePlace(said, address, port)}`,
      instead: impossible[said],
    }
  }

  #passive(client: '227' | '229'): Heard {
    const crosses = this.#crossing && !this.#extendedOnly
    // Towards IPv4 the old command is the one that all servers know; towards IPv6 only the new one can work.
    const server = !crosses ? client : isMappedIPv4(this.#parties.server) ? '227' : '229'
    this.#asked = [...this.#asked, { server, client }].slice(-mostAsked)
    return server === client ? pass : { kind: 'replace', line: server === '227' ? 'PASV' : 'EPSV' }
  }

  #answer(line: string): Heard {
    const [, code = '', mark = ''] = replyPattern.exec(line) ?? []
    if (this.#reply !== null) {
      // Whatever the lines between say, they are text.
      if (code === this.#reply && mark === ' ') this.#reply = null
      return pass
    }
    if (mark === '-') this.#reply = code
    if (this.#authAsked && secureReplies.has(code)) this.#secure = true
    if ((code !== '227' && code !== '229') || mark === '-') return pass
    return this.#listening(code, line)
  }

  #listening(code: '227' | '229', line: string): Heard {
    const index = this.#asked.findIndex(({ server }) => server === code)
    const asked = this.#asked[index]
    if (!asked) return { kind: 'refuse', reason: 'nobody asked', line: null }
    this.#asked = this.#asked.slice(index + 1)
    const { server, vip } = this.#parties
    const place = this.#own(readPlace(code, line), [server, vip])
    if (!place.ok) return { kind: 'refuse', reason: place.reason, line: null }
    const instead = '425 No data connection can be had.'
    if (asked.client === '227' && !isMappedIPv4(vip))
      return { kind: 'refuse', reason: 'wrong address family', line: instead }
    return {
      kind: 'offer',
      listener: 'server',
      port: place.value.port,
      say: (address, port) =>
        code === asked.client ? replacePlace(code, line, address, port) : writePlace(asked.client, address, port),
      instead,
    }
  }

  /** Nobody is led to a third party's address. */
  #own(place: Read<Place>, addresses: readonly Uint8Array[]): Read<Place> {
    if (!place.ok || place.value.address === null) return place
    const { address } = place.value
    return addresses.some((own) => same(own, address)) ? place : { ok: false, reason: 'foreign address' }
  }
}
