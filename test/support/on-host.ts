// The peers of a story on lab hosts: each opened or called in the thread of its host, so that its sockets belong there.

import type { Host, Remote } from '../../lab/host.ts'
import { bulk, openBulkServer } from './bulk.ts'
import { oneFromEach, openSequence, type Sequence, type SequenceRequest } from './datagrams.ts'
import { openGnb, openUpf, type Gnb, type GnbOptions, type Upf } from './gnb.ts'
import { askInPieces, type PiecesRequest } from './pieces.ts'
import { openFrameSender, ping, type FrameSender, type PingRequest, type PingResult } from './raw.ts'
import { openStreamClient, openStreamServer, type StreamClient, type StreamServer } from './streams.ts'
import { askWitness, openWitness, type Testimony, type Witness } from './witness.ts'

const moduleOf = (name: string): URL => new URL(name, import.meta.url)

export const witnessOn = (host: Host, address: string): Promise<Remote<Witness>> =>
  host.open(moduleOf('witness.ts'), openWitness, { name: host.name, address })

export const askFrom = (host: Host, address: string, port: number, text: string, waitMs = 3_000) =>
  host.call(moduleOf('witness.ts'), askWitness, address, port, text, waitMs)

/** What a witness answers to curl; null when there was no page. */
export const curl = async (host: Host, url: string, timeoutSeconds = 3): Promise<Testimony | null> => {
  const { code, stdout } = await host.run('curl', ['--silent', '--max-time', String(timeoutSeconds), url])
  return code === 0 ? (JSON.parse(stdout) as Testimony) : null
}

export const streamServerOn = (host: Host, address: string): Promise<Remote<StreamServer>> =>
  host.open(moduleOf('streams.ts'), openStreamServer, { name: host.name, address })

export const streamClientOn = (host: Host): Promise<Remote<StreamClient>> =>
  host.open(moduleOf('streams.ts'), openStreamClient)

export const sequenceOn = (host: Host, request: SequenceRequest): Promise<Remote<Sequence>> =>
  host.open(moduleOf('datagrams.ts'), openSequence, request)

export const oneFromEachOn = (host: Host, address: string, port: number, count: number, waitMs: number) =>
  host.call(moduleOf('datagrams.ts'), oneFromEach, address, port, count, waitMs)

export const frameSenderOn = (host: Host, device: string): Promise<Remote<FrameSender>> =>
  host.open(moduleOf('raw.ts'), openFrameSender, device)

export const pingFrom = (host: Host, request: PingRequest): Promise<PingResult> =>
  host.call(moduleOf('raw.ts'), ping, request)

export const bulkServerOn = (host: Host, address: string) =>
  host.open(moduleOf('bulk.ts'), openBulkServer, host.name, address)

export const bulkFrom = (host: Host, address: string, port: number, bytes: number, timeoutMs = 10_000) =>
  host.call(moduleOf('bulk.ts'), bulk, address, port, bytes, timeoutMs)

export const piecesFrom = (host: Host, request: PiecesRequest) => host.call(moduleOf('pieces.ts'), askInPieces, request)

export const gnbOn = (host: Host, options: GnbOptions): Promise<Remote<Gnb>> =>
  host.open(moduleOf('gnb.ts'), openGnb, options)

export const upfOn = (host: Host, addresses: readonly string[]): Promise<Remote<Upf>> =>
  host.open(moduleOf('gnb.ts'), openUpf, addresses)

export const macAddress = async (host: Host, device: string): Promise<string> => {
  const { stdout } = await host.run('ip', ['-json', 'link', 'show', 'dev', device])
  const [link] = JSON.parse(stdout) as readonly { readonly address: string }[]
  if (link === undefined) throw new Error(`${host.name} has no device ${device}`)
  return link.address
}
