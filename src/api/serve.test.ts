import test from 'ava'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { serveForTest } from '../testing/served-api.ts'
import { refusal } from './serve.ts'
import { listenOnSocket } from './socket.ts'

const temporary = async (t: import('ava').ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-serve-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const statusOf = (socketPath: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/netlox/v1/', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })

test('serve: the socket is for its owner alone and goes with the daemon', async (t) => {
  const served = await serveForTest()
  t.is((await stat(served.socketPath)).mode & 0o777, 0o600)
  t.is(await statusOf(served.socketPath), 200)
  await served.close()
  await t.throwsAsync(stat(served.socketPath), { code: 'ENOENT' })
})

test('serve: a socket that a dead daemon left behind is replaced', async (t) => {
  const path = join(await temporary(t), 'default', 'api.sock')
  await mkdir(dirname(path))
  // A child that dies without closing leaves its socket.
  const die = "() => process.kill(process.pid, 'SIGKILL')"
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, ${die})`
  spawnSync(process.execPath, ['-e', script])
  t.true((await stat(path)).isSocket())
  const served = await serveForTest({ runRoot: dirname(dirname(path)) })
  t.is(served.socketPath, path)
  t.is(await statusOf(path), 200)
  await served.close()
})

test('serve: a socket where a daemon answers is refused, and that daemon goes on', async (t) => {
  const first = await serveForTest()
  await t.throwsAsync(serveForTest({ runRoot: first.runRoot }), {
    message: /another daemon answers at .*--instance NAME/,
  })
  t.is(await statusOf(first.socketPath), 200)
  await first.close()
})

test('serve: a file in the place of the socket is refused and kept', async (t) => {
  const path = join(await temporary(t), 'api.sock')
  await writeFile(path, 'mine')
  await t.throwsAsync(listenOnSocket(createServer(), path), { message: /is not a socket/ })
  t.true((await stat(path)).isFile())
})

test('serve: anything but loopback is refused', async (t) => {
  const { serve } = await import('./serve.ts')
  const options = { listen: { host: '0.0.0.0', port: 1 } } as unknown as Parameters<typeof serve>[0]
  await t.throwsAsync(serve(options), { message: /loopback only/ })
})

test('serve: a TCP port that is taken is said, and the socket is not left behind', async (t) => {
  const first = await serveForTest({ tcp: 0 })
  t.teardown(() => first.close())
  const directory = await temporary(t)
  const port = first.api.port ?? 0
  await t.throwsAsync(serveForTest({ tcp: port, runRoot: directory }), {
    message: /cannot open the API at 127\.0\.0\.1 port \d+: another program listens there; .*api\.listen/,
  })
  await t.throwsAsync(stat(join(directory, 'default', 'api.sock')), { code: 'ENOENT' })
})

test('serve: close lets a request that is under way finish', async (t) => {
  const served = await serveForTest()
  const body = JSON.stringify({
    services: [{ address: '10.0.0.1', port: 80, protocol: 'tcp', endpoints: [{ address: '10.1.0.1', port: 1 }] }],
  })
  const answered = new Promise<number>((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: served.socketPath,
        path: '/sluice/v1/services',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    outgoing.on('error', reject)
    // The server has read the head when it says continue.
    outgoing.on('continue', () => {
      const closed = served.api.close()
      outgoing.end(body)
      void closed
    })
    outgoing.flushHeaders()
  })
  t.is(await answered, 200)
  await served.close()
})

const listen = { host: '127.0.0.1', port: 11111 }
const json = { 'content-type': 'application/json' }

test('serve: TCP answers only requests for a loopback name with the port', (t) => {
  for (const host of ['localhost:11111', '127.0.0.1:11111', '[::1]:11111']) {
    t.is(refusal({ method: 'GET', headers: { host } }, listen), undefined, host)
  }
  for (const host of ['evil.example:11111', 'localhost', '127.0.0.1:80', '', 'localhost.evil.example:11111']) {
    t.is(refusal({ method: 'GET', headers: { host } }, listen)?.status, 403, host)
  }
  t.is(refusal({ method: 'GET', headers: {} }, listen)?.status, 403)
  t.is(refusal({ method: 'GET', headers: { host: '127.0.0.2:1' } }, { host: '127.0.0.2', port: 1 }), undefined)
})

test('serve: TCP answers no web page, and no POST that a page can send unasked', (t) => {
  const host = 'localhost:11111'
  t.is(refusal({ method: 'POST', headers: { host, ...json } }, listen), undefined)
  t.is(
    refusal({ method: 'POST', headers: { host, 'content-type': 'application/json; charset=utf-8' } }, listen),
    undefined,
  )
  t.is(refusal({ method: 'POST', headers: { host } }, listen)?.status, 415)
  t.is(refusal({ method: 'POST', headers: { host, 'content-type': 'text/plain' } }, listen)?.status, 415)
  t.is(refusal({ method: 'POST', headers: { host, 'content-type': 'application/jsonp' } }, listen)?.status, 415)
  t.is(refusal({ method: 'GET', headers: { host, origin: 'http://evil.example' } }, listen)?.status, 403)
  t.is(refusal({ method: 'GET', headers: { host, origin: 'null' } }, listen)?.status, 403)
  t.is(refusal({ method: 'GET', headers: { host, origin: `http://${host}` } }, listen), undefined)
})

test('serve: a refused request over real TCP gets the error body', async (t) => {
  const served = await serveForTest({ tcp: 0 })
  t.teardown(() => served.close())
  const ask = (headers: Record<string, string>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      request({ host: '127.0.0.1', port: served.api.port ?? 0, path: '/netlox/v1/version', headers }, (response) => {
        let text = ''
        response.on('data', (part: Buffer) => (text += part.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
        .on('error', reject)
        .end()
    })
  t.is((await ask({})).status, 200)
  const refused = await ask({ host: 'evil.example' })
  t.is(refused.status, 403)
  t.like(JSON.parse(refused.text), { code: 403, message: 'Forbidden' })
})
