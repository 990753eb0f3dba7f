// Long-lived TCP connections whose every byte is checked. The server sends its name in a first line, then echoes, or
// sends a stream of the pattern. The client holds connections open that ask and get their echo all the time, and
// downloads that can be stopped half-way and let go on.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { isPattern, patternAt } from './pattern.ts'

export const streamPort = 7000

export interface StreamServer {
  /** connections accepted */
  accepted(): number
  close(): void
}

interface StreamServerOptions {
  readonly name: string
  readonly address: string
}

/** The first line a client sends: `echo`, `stay` (an echo that does not answer the client's end), or `get BYTES`. */
export const openStreamServer = async ({ name, address }: StreamServerOptions): Promise<StreamServer> => {
  let accepted = 0
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted++
    sockets.add(socket)
    // A client that resets its connection is no failure of the server.
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.write(`${name}\n`)
    socket.once('data', (first: Buffer) => {
      const end = first.indexOf('\n')
      const [word, bytes] = first.subarray(0, end).toString('latin1').split(' ')
      if (word === 'get') {
        sendPattern(socket, Number(bytes))
        return
      }
      socket.write(first.subarray(end + 1))
      socket.on('data', (part: Buffer) => socket.write(part))
      if (word === 'echo') socket.on('end', () => socket.end())
    })
  })
  server.listen({ host: address, port: streamPort, backlog: 4_096 })
  await once(server, 'listening')
  return {
    accepted: () => accepted,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const sendPattern = (socket: Socket, total: number): void => {
  let sent = 0
  const more = (): void => {
    while (sent < total) {
      const part = patternAt(sent, total - sent)
      sent += part.length
      if (!socket.write(part)) {
        socket.once('drain', more)
        return
      }
    }
    socket.end()
  }
  more()
}

export interface EchoReport {
  /** connections that have all their bytes so far */
  readonly alive: number
  /** reasons of those that have not, a connection each */
  readonly broken: readonly string[]
  /** server name -> connections that live there */
  readonly servers: Readonly<Record<string, number>>
  /** of the connection that got the fewest echoes */
  readonly fewestEchoes: number
  readonly echoes: number
}

export interface DownloadReport {
  readonly server: string
  readonly bytes: number
  readonly state: 'running' | 'held' | 'complete' | 'broken'
  readonly reason: string
}

export interface StreamClient {
  /** Downloads again and again from the same source port, each time at once when the last is over. */
  samePort(request: SamePortRequest): Promise<readonly string[]>
  /** Opens connections, waits until each had an echo, and keeps them busy. Only established ones are kept. */
  openEchoes(request: EchoRequest): Promise<void>
  echoes(): EchoReport
  /** Names of the servers that the connections reached, in the order of opening. */
  serversInOrder(): readonly string[]
  /** Ends all echoing connections, or sends only our half of the end, or resets them. */
  closeEchoes(how: 'whole' | 'half' | 'reset'): void
  /** Starts a download that stops reading once it has `holdAt` bytes. */
  download(request: DownloadRequest): void
  release(): void
  downloaded(): DownloadReport
}

export interface EchoRequest {
  readonly address: string
  readonly port: number
  readonly count: number
  /** between an echo and the next question; null: one question only */
  readonly everyMs: number | null
  /** of a connection without an echo */
  readonly timeoutMs?: number
  /** The server does not end when we do. */
  readonly stay?: boolean
  /** source ports from here on, instead of what the kernel gives */
  readonly firstLocalPort?: number
}

export interface DownloadRequest {
  readonly address: string
  readonly port: number
  readonly bytes: number
  readonly holdAt: number
}

export interface SamePortRequest {
  readonly address: string
  readonly port: number
  readonly localPort: number
  readonly times: number
}

interface Echo {
  readonly socket: Socket
  server: string
  echoes: number
  broken: string | null
  ending: boolean
}

const questionBytes = 512
const defaultTimeoutMs = 8_000
const connectsAtOnce = 250

const newEcho = (request: EchoRequest, index: number, onFirst: () => void): Echo => {
  const { address, port, everyMs, firstLocalPort } = request
  const socket = connect({
    host: address,
    port,
    noDelay: true,
    allowHalfOpen: true,
    ...(firstLocalPort === undefined ? {} : { localPort: firstLocalPort + index }),
  })
  const echo: Echo = { socket, server: '', echoes: 0, broken: null, ending: false }
  const breakWith = (reason: string): void => {
    if (!echo.ending) echo.broken ??= reason
    socket.destroy()
    onFirst()
  }
  let head = ''
  let received = 0
  let asked = 0
  const ask = (): void => {
    if (echo.ending || echo.broken !== null) return
    socket.write(patternAt(asked, questionBytes))
    asked += questionBytes
  }
  const take = (bytes: Buffer): void => {
    if (!isPattern(bytes, received)) {
      breakWith('an echo has other bytes than were sent')
      return
    }
    received += bytes.length
    if (received < asked) return
    if (received > asked) {
      breakWith('an echo has more bytes than were sent')
      return
    }
    echo.echoes++
    onFirst()
    if (everyMs !== null) setTimeout(ask, everyMs)
  }
  const timer = setTimeout(() => {
    if (echo.echoes === 0) breakWith('no echo in time')
  }, request.timeoutMs ?? defaultTimeoutMs)
  socket.on('close', () => clearTimeout(timer))
  socket.on('connect', () => {
    socket.write(request.stay === true ? 'stay\n' : 'echo\n')
    ask()
  })
  socket.on('data', (bytes: Buffer) => {
    if (echo.server !== '') {
      take(bytes)
      return
    }
    head += bytes.toString('latin1')
    const end = head.indexOf('\n')
    if (end < 0) return
    echo.server = head.slice(0, end)
    const rest = Buffer.from(head.slice(end + 1), 'latin1')
    if (rest.length > 0) take(rest)
  })
  socket.on('error', (error) => breakWith(error.message))
  socket.on('end', () => breakWith('ended by the server'))
  socket.on('close', () => breakWith('closed'))
  return echo
}

export const openStreamClient = (): StreamClient => {
  let echoes: Echo[] = []
  let download: { report: DownloadReport; release: () => void } | null = null
  return {
    samePort: async (request) => {
      const servers: string[] = []
      while (servers.length < request.times) servers.push(await downloadFrom(request))
      return servers
    },
    openEchoes: async (request) => {
      for (let done = 0; done < request.count; done += connectsAtOnce) {
        const batch = Math.min(connectsAtOnce, request.count - done)
        await Promise.all(
          Array.from(
            { length: batch },
            (_, index) =>
              new Promise<void>((resolve) => {
                echoes.push(newEcho(request, done + index, resolve))
              }),
          ),
        )
      }
    },
    echoes: () => {
      const alive = echoes.filter(({ broken }) => broken === null)
      const servers: Record<string, number> = {}
      for (const { server } of alive) servers[server] = (servers[server] ?? 0) + 1
      return {
        alive: alive.length,
        broken: echoes.flatMap(({ broken }) => broken ?? []),
        servers,
        fewestEchoes: alive.reduce((fewest, echo) => Math.min(fewest, echo.echoes), Number.POSITIVE_INFINITY),
        echoes: alive.reduce((total, echo) => total + echo.echoes, 0),
      }
    },
    serversInOrder: () => echoes.map(({ server }) => server),
    closeEchoes: (how) => {
      for (const echo of echoes) {
        echo.ending = true
        if (how === 'half') echo.socket.end()
        else if (how === 'reset') echo.socket.resetAndDestroy()
        else echo.socket.destroy()
      }
      if (how !== 'half') echoes = []
    },
    download: (request) => {
      download = startDownload(request)
    },
    release: () => download?.release(),
    downloaded: () => {
      if (download === null) throw new Error('no download was started')
      return download.report
    },
  }
}

const startDownload = ({ address, port, bytes, holdAt }: DownloadRequest) => {
  const socket = connect({ host: address, port })
  let server = ''
  let received = 0
  let holding = true
  const download: { report: DownloadReport; release: () => void } = {
    report: { server, bytes: 0, state: 'running', reason: '' },
    release: () => {
      holding = false
      say('running')
      socket.resume()
    },
  }
  const say = (state: DownloadReport['state'], reason = ''): void => {
    if (download.report.state !== 'broken') download.report = { server, bytes: received, state, reason }
  }
  const take = (part: Buffer): void => {
    if (!isPattern(part, received)) {
      say('broken', `other bytes than were sent, after ${received}`)
      socket.destroy()
      return
    }
    received += part.length
    say('running')
    if (holding && received >= holdAt) {
      socket.pause()
      say('held')
    }
  }
  socket.write(`get ${bytes}\n`)
  socket.on('data', (part: Buffer) => {
    if (server !== '') {
      take(part)
      return
    }
    const end = part.indexOf('\n')
    server = part.subarray(0, end).toString('latin1')
    if (part.length > end + 1) take(part.subarray(end + 1))
  })
  socket.on('error', (error) => say('broken', error.message))
  socket.on('end', () => {
    if (received === bytes) say('complete')
    else say('broken', `ended after ${received} of ${bytes} bytes`)
  })
  return download
}

const smallDownloadBytes = 20_000

/** One small download, which the server ends; says by which server. */
const downloadFrom = async ({ address, port, localPort }: SamePortRequest): Promise<string> => {
  const socket = connect({ host: address, port, localPort })
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.write(`get ${smallDownloadBytes}\n`)
  await once(socket, 'close')
  const bytes = Buffer.concat(parts)
  const end = bytes.indexOf('\n')
  const content = bytes.subarray(end + 1)
  if (content.length !== smallDownloadBytes || !isPattern(content, 0)) throw new Error('other bytes than were sent')
  return bytes.subarray(0, end).toString('latin1')
}
