// Tests that need a privilege or a program of this machine. Where it is missing, the test is registered as skipped and
// its title says why; where SLUICE_REQUIRE names it (`SLUICE_REQUIRE=root,bpf,netns,xdp`), it fails instead.

import test, { type Implementation } from 'ava'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, globSync, readFileSync, statfsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What a test may need: privileges and kernel features, then programs. */
export type Need = keyof typeof probes

/**
 * Registers a test that runs only where all of `needs` are met.
 *
 *     testWith(['root', 'netns', 'curl'], 'lab: curl reaches an endpoint', async (t) => { ... })
 */
export function testWith<Context = unknown>(
  needs: readonly Need[],
  title: string,
  run: Implementation<[], Context>,
): void {
  const unmet = needs.flatMap((need) => {
    const reason = missing(need)
    return reason === null ? [] : [{ need, reason }]
  })
  const required = unmet.filter(({ need }) => requiredNeeds().has(need))
  if (required.length > 0) {
    test(title, (t) => {
      for (const { need, reason } of required) t.fail(`needs ${need}, which SLUICE_REQUIRE asks for: ${reason}`)
    })
  } else if (unmet.length > 0) {
    const reasons = unmet.map(({ need, reason }) => `needs ${need}: ${reason}`)
    test.skip(`${title} (${reasons.join('; ')})`, run as Implementation<[]>)
  } else {
    test(title, run as Implementation<[]>)
  }
}

/** Why this machine does not meet a need; null when it does. Asked once, then remembered. */
export function missing(need: Need): string | null {
  const known = answers.get(need)
  if (known !== undefined) return known
  const answer = probes[need]()
  answers.set(need, answer)
  return answer
}

function requiredNeeds(): ReadonlySet<string> {
  return new Set((process.env['SLUICE_REQUIRE'] ?? '').split(/[\s,]+/).filter((name) => name !== ''))
}

const answers = new Map<Need, string | null>()

const probes = {
  root: () => (process.geteuid?.() === 0 ? null : 'not run as root'),
  bpf: missingBpf,
  netns: () => missingProgram('ip') ?? missingSuccess(['unshare', '--net', 'true'], 'cannot make a network namespace'),
  xdp: () =>
    missingBpf() ??
    missingSuccess(
      ['unshare', '--net', 'ip', 'link', 'add', 'sluice-probe', 'type', 'veth', 'peer', 'name', 'sluice-peer'],
      'cannot make a veth pair to attach XDP to',
    ),
  scapy: () => (existsSync('/usr/lib/python3/dist-packages/scapy') ? null : 'python3-scapy is not installed'),
  bpftool: () => missingProgram('bpftool'),
  curl: () => missingProgram('curl'),
  erlc: () => (missingProgram('erlc') === null ? null : 'erlang-asn1 is not installed (scripts/setup --oracle)'),
  ethtool: () => missingProgram('ethtool'),
  ip: () => missingProgram('ip'),
  iperf3: () => missingProgram('iperf3'),
  libfuzzer: missingLibFuzzer,
  'nextepc-sgwd': () => missingProgram('nextepc-sgwd', 'nextepc-sgw'),
  nft: () => missingProgram('nft'),
  'osmo-ggsn': () => missingProgram('osmo-ggsn') ?? missingProgram('sgsnemu', 'osmo-ggsn'),
  tcpdump: () => missingProgram('tcpdump'),
  tshark: () => missingProgram('tshark'),
  usrsctp: () =>
    existsSync('/usr/lib/usrsctp/client') ? null : 'libusrsctp-examples is not installed (scripts/setup --test)',
  tftpd: () => (existsSync('/usr/sbin/in.tftpd') ? null : 'tftpd-hpa is not installed (scripts/setup --test)'),
  tmpfs: () =>
    missingSuccess(['unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], 'cannot mount a file system'),
  tun: () =>
    missingProgram('python3') ?? (existsSync('/dev/net/tun') ? null : 'there are no TUN devices (/dev/net/tun)'),
  pyftpdlib: () =>
    existsSync('/usr/lib/python3/dist-packages/pyftpdlib') ? null : 'python3-pyftpdlib is not installed',
} as const satisfies Record<string, () => string | null>

const CAP_SYS_ADMIN = 21n
const CAP_NET_ADMIN = 12n
const CAP_BPF = 39n
const BPF_FS_MAGIC = 0xcafe4a11

function missingBpf(): string | null {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  const capabilities = BigInt(`0x${line?.[1] ?? '0'}`)
  const has = (capability: bigint): boolean => (capabilities & (1n << capability)) !== 0n
  if (!(has(CAP_BPF) || has(CAP_SYS_ADMIN)) || !has(CAP_NET_ADMIN)) return 'no CAP_BPF and CAP_NET_ADMIN'
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'the kernel has no BTF (/sys/kernel/btf/vmlinux)'
  if (!existsSync('/sys/fs/bpf') || statfsSync('/sys/fs/bpf').type !== BPF_FS_MAGIC)
    return 'no bpf file system at /sys/fs/bpf'
  return null
}

function missingLibFuzzer(): string | null {
  const { stdout } = spawnSync('clang', ['-print-resource-dir'], { encoding: 'utf8' })
  return stdout && globSync(`${stdout.trim()}/lib/*/libclang_rt.fuzzer*.a`).length > 0
    ? null
    : 'libclang-rt-dev is not installed (scripts/setup --test)'
}

function missingSuccess(command: readonly [string, ...string[]], failure: string): string | null {
  const [program, ...args] = command
  const result = spawnSync(program, args, { encoding: 'utf8' })
  if (result.status === 0) return null
  return `${failure}: ${result.error?.message ?? result.stderr.trim()}`
}

/** Of the machine: node_modules/.bin, which npm puts into PATH, has an `nft` of its own that is another program. */
function missingProgram(name: string, packageName = name): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(
    (folder) => !folder.includes('node_modules'),
  )
  return folders.some((folder) => executable(join(folder, name)))
    ? null
    : `${packageName} is not installed (scripts/setup --test)`
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
