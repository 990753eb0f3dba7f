// What runs on a lab client: opens connections, asks, and checks that the answer came back and from whom. Opened in the
// client's own thread, so that the sockets belong to its namespace.

import { createSocket } from 'node:dgram'
import { connect } from 'node:net'

export interface ConnectRequest {
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly count: number
  /** connections under way at a time */
  readonly concurrency: number
  /** Keeps every connection open until all have their answer. */
  readonly hold?: boolean
}

export interface TrafficResult {
  /** server name -> answers that came back from it */
  readonly answeredBy: Readonly<Record<string, number>>
  readonly failed: number
  /** reason -> connections that failed for it */
  readonly failures: Readonly<Record<string, number>>
}

export interface Client {
  /** Makes connections and waits for all of them. */
  connect(request: ConnectRequest): Promise<TrafficResult>
  /** Makes `perSecond` connections a second until `stop`. */
  start(request: Omit<ConnectRequest, 'count' | 'hold'> & { readonly perSecond: number }): void
  stop(): void
  /** What `start` has seen so far. */
  progress(): TrafficResult
}

interface Answer {
  readonly server: string
  /** ends the connection */
  readonly release: () => void
}

const tcpTimeoutMs = 10_000
const udpAttempts = 4
const udpAttemptTimeoutMs = 1_000
/**
 * UDP clients take these ports in turn and not what the kernel picks at random: a port used again within a flow's
 * lifetime would be the same flow, and flows are what is counted.
 */
const firstUdpPort = 20_000
const lastUdpPort = 59_999
const pacingMs = 50

/** A failure of one connection, with a reason that can be counted. */
class TrafficError extends Error {}

const errorReasons: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EHOSTUNREACH', 'no route to the address'],
  ['ENETUNREACH', 'no route to the address'],
])

const reasonOf = (error: NodeJS.ErrnoException): string => {
  if (error instanceof TrafficError) return error.message
  return errorReasons.get(error.code ?? '') ?? error.message
}

/** One HTTP request on a connection of its own. The client closes first, as most do. */
const askTcp = (address: string, port: number, token: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: address, port })
    const fail = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    let text = ''
    socket.setTimeout(tcpTimeoutMs, () => fail(new TrafficError(`no answer in ${tcpTimeoutMs} ms`)))
    socket.setEncoding('latin1')
    socket.on('connect', () => socket.write(`GET / HTTP/1.1\r\nHost: ${address}\r\nX-Token: ${token}\r\n\r\n`))
    socket.on('data', (part: string) => {
      text += part
      const [head, body] = text.split('\r\n\r\n')
      if (head === undefined || body?.endsWith('\n') !== true) return
      socket.setTimeout(0)
      if (head.startsWith('HTTP/1.1 200 ') && head.includes(`x-token: ${token}`)) {
        resolve({ server: body.trim(), release: () => socket.end() })
      } else {
        fail(new TrafficError('another answer than the one asked for'))
      }
    })
    socket.on('error', fail)
    socket.on('close', () => reject(new TrafficError('closed without an answer')))
  })

/** One datagram and its echo, from a port of its own. A lost datagram is sent again, as a resolver would. */
const askUdp = (address: string, port: number, token: string, localPort: number): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    let attempts = 0
    let timer: NodeJS.Timeout | undefined
    const fail = (error: Error): void => {
      clearTimeout(timer)
      socket.close()
      reject(error)
    }
    const send = (): void => {
      if (attempts === udpAttempts) {
        fail(new TrafficError(`no answer to ${udpAttempts} datagrams in ${udpAttempts * udpAttemptTimeoutMs} ms`))
        return
      }
      attempts++
      socket.send(token)
      timer = setTimeout(send, udpAttemptTimeoutMs)
    }
    socket.on('error', fail)
    socket.on('message', (message) => {
      const [server = '', echoed] = message.toString('latin1').split(' ')
      // Not ours: perhaps a late answer to whoever had this port before.
      if (echoed !== token) return
      clearTimeout(timer)
      resolve({ server, release: () => socket.close() })
    })
    socket.bind(localPort, () => socket.connect(port, address, send))
  })

interface Tally {
  readonly answeredBy: Record<string, number>
  failed: number
  readonly failures: Record<string, number>
}

export const openClient = (): Client => {
  let nextToken = 1
  let nextUdpPort = firstUdpPort
  const progress: Tally = newTally()
  const timers = new Set<NodeJS.Timeout>()

  const ask = ({ protocol, address, port }: Pick<ConnectRequest, 'protocol' | 'address' | 'port'>): Promise<Answer> => {
    const token = `t${nextToken++}`
    if (protocol === 'tcp') return askTcp(address, port, token)
    const localPort = nextUdpPort
    nextUdpPort = localPort === lastUdpPort ? firstUdpPort : localPort + 1
    return askUdp(address, port, token, localPort)
  }

  /** One connection into the tally; what ends it, when that is the caller's to decide. */
  const askOnce = async (request: Pick<ConnectRequest, 'protocol' | 'address' | 'port'>, tally: Tally) => {
    try {
      const answer = await ask(request)
      count(tally.answeredBy, answer.server)
      return answer.release
    } catch (error) {
      tally.failed++
      count(tally.failures, reasonOf(error as Error))
      return () => undefined
    }
  }

  return {
    connect: async (request) => {
      const tally = newTally()
      const held: (() => void)[] = []
      let left = request.count
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const release = await askOnce(request, tally)
          if (request.hold === true) held.push(release)
          else release()
        }
      }
      await Promise.all(Array.from({ length: Math.min(request.concurrency, request.count) }, worker))
      held.forEach((release) => release())
      return tally
    },
    start: (request) => {
      let due = 0
      let underWay = 0
      const timer = setInterval(() => {
        due = Math.min(due + (request.perSecond * pacingMs) / 1_000, request.concurrency - underWay)
        for (; due >= 1; due--) {
          underWay++
          void askOnce(request, progress).then((release) => {
            underWay--
            release()
          })
        }
      }, pacingMs)
      timers.add(timer)
    },
    stop: () => {
      timers.forEach((timer) => clearInterval(timer))
      timers.clear()
    },
    progress: () => progress,
  }
}

const newTally = (): Tally => ({ answeredBy: {}, failed: 0, failures: {} })

const count = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1
}
