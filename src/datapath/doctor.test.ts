import test from 'ava'
import { examine, type ExaminedInterface, type Finding, type Machine } from './doctor.ts'

const allCapabilities = 'CapEff:\t000001ffffffffff\n'

interface Fake {
  readonly texts?: Readonly<Record<string, string | null>>
  readonly fileSystem?: number | null
  readonly writable?: boolean
  readonly lacksFiles?: readonly string[]
  readonly lacksPrograms?: readonly string[]
  readonly outputs?: Readonly<Record<string, string | null>>
  readonly addonError?: string
}

/** A machine with nothing wrong, except what is said. */
function machine(fake: Fake = {}): Machine {
  const texts: Readonly<Record<string, string | null>> = {
    '/proc/sys/kernel/osrelease': '6.1.0-31-amd64\n',
    '/proc/self/status': `Name:\tnode\n${allCapabilities}`,
    '/proc/sys/net/core/bpf_jit_enable': '1\n',
    '/proc/sys/net/ipv4/conf/eth0/forwarding': '1\n',
    ...fake.texts,
  }
  const outputs: Readonly<Record<string, string | null>> = {
    'ip -json link show dev eth0': '[{"ifname":"eth0","flags":["BROADCAST","UP","LOWER_UP"]}]',
    'ethtool -k eth0': 'Features for eth0:\nlarge-receive-offload: off [fixed]\nrx-gro-hw: off\n',
    ...fake.outputs,
  }
  return {
    readText: async (path) => texts[path] ?? null,
    fileSystem: async () => (fake.fileSystem === undefined ? 0xcafe4a11 : fake.fileSystem),
    writable: async () => fake.writable ?? true,
    exists: async (path) => !(fake.lacksFiles ?? []).some((end) => path.endsWith(end)),
    program: async (name) => ((fake.lacksPrograms ?? []).includes(name) ? null : `/usr/sbin/${name}`),
    output: async (program, args) => outputs[[program, ...args].join(' ')] ?? null,
    addonError: () => fake.addonError ?? null,
  }
}

const eth0: ExaminedInterface = { name: 'eth0', hook: 'auto' }

async function wrong(fake: Fake, interfaces: readonly ExaminedInterface[] = [eth0]): Promise<readonly Finding[]> {
  const findings = await examine(interfaces, machine(fake))
  return findings.filter(({ ok }) => !ok)
}

test('doctor: finds nothing wrong with a machine that has all', async (t) => {
  t.deepEqual(await wrong({}), [])
})

test('doctor: answers for the machine it runs on', async (t) => {
  for (const { ok, what, found, mend } of await examine([{ name: 'lo', hook: 'tc' }])) {
    t.not(what, '')
    t.not(found, '')
    t.is(mend === '', ok)
  }
})

const cases: readonly { readonly name: string; readonly fake: Fake; readonly what: string; readonly mend: RegExp }[] = [
  {
    name: 'a kernel before 6.1',
    fake: { texts: { '/proc/sys/kernel/osrelease': '5.15.0-91-generic\n' } },
    what: 'kernel',
    mend: /6\.1 or newer/,
  },
  {
    name: 'a process without privileges',
    fake: { texts: { '/proc/self/status': 'CapEff:\t0000000000000000\n' } },
    what: 'privileges',
    mend: /sudo.*CAP_NET_ADMIN CAP_NET_RAW CAP_BPF CAP_PERFMON/,
  },
  {
    name: 'one missing capability',
    fake: { texts: { '/proc/self/status': `CapEff:\t${(0xc0_0000_3000n & ~(1n << 13n)).toString(16)}\n` } },
    what: 'privileges',
    mend: /these: CAP_NET_RAW$/,
  },
  { name: 'no bpf file system', fake: { fileSystem: 0x62656572 }, what: 'bpf file system', mend: /^mount -t bpf/ },
  { name: 'no /sys/fs/bpf', fake: { fileSystem: null }, what: 'bpf file system', mend: /^mount -t bpf/ },
  { name: 'a read-only bpf file system', fake: { writable: false }, what: 'bpf file system', mend: /root/ },
  { name: 'a kernel without BTF', fake: { lacksFiles: ['vmlinux'] }, what: 'kernel BTF', mend: /DEBUG_INFO_BTF/ },
  {
    name: 'the JIT switched off',
    fake: { texts: { '/proc/sys/net/core/bpf_jit_enable': '0\n' } },
    what: 'BPF JIT',
    mend: /bpf_jit_enable=1/,
  },
  { name: 'a missing program', fake: { lacksPrograms: ['ip'] }, what: 'program ip', mend: /iproute2/ },
  {
    name: 'an object that is not built',
    fake: { lacksFiles: ['lb.tc.o'] },
    what: 'BPF objects',
    mend: /scripts\/setup/,
  },
  {
    name: 'an addon that does not load',
    fake: { addonError: 'no libbpf' },
    what: 'native addon',
    mend: /scripts\/setup/,
  },
  {
    name: 'a missing interface',
    fake: { outputs: { 'ip -json link show dev eth0': null } },
    what: 'interface eth0',
    mend: /configuration/,
  },
  {
    name: 'an interface that is down',
    fake: { outputs: { 'ip -json link show dev eth0': '[{"flags":["BROADCAST"]}]' } },
    what: 'interface eth0',
    mend: /^ip link set eth0 up$/,
  },
  {
    name: 'forwarding switched off',
    fake: { texts: { '/proc/sys/net/ipv4/conf/eth0/forwarding': '0\n' } },
    what: 'IPv4 forwarding on eth0',
    mend: /^sysctl -w net\.ipv4\.conf\.eth0\.forwarding=1$/,
  },
  {
    name: 'LRO under XDP',
    fake: { outputs: { 'ethtool -k eth0': 'large-receive-offload: on\n' } },
    what: 'large-receive-offload on eth0',
    mend: /^ethtool -K eth0 lro off$/,
  },
]

for (const { name, fake, what, mend } of cases) {
  test(`doctor: finds ${name}, and says how to mend it`, async (t) => {
    const findings = await wrong(fake)
    t.deepEqual(
      findings.map((finding) => finding.what),
      [what],
    )
    t.regex(findings[0]?.mend ?? '', mend)
  })
}

test('doctor: does not ask for LRO to be off where only TC is attached', async (t) => {
  t.deepEqual(
    await wrong({ outputs: { 'ethtool -k eth0': 'large-receive-offload: on\n' } }, [{ ...eth0, hook: 'tc' }]),
    [],
  )
})

test('doctor: writes a VLAN interface as sysctl wants it', async (t) => {
  const link = { 'ip -json link show dev eth0.7': '[{"flags":["UP"]}]' }
  const [finding] = await wrong({ outputs: link }, [{ name: 'eth0.7', hook: 'tc' }])
  t.is(finding?.mend, 'sysctl -w net.ipv4.conf.eth0/7.forwarding=1')
})

test('doctor: asks for IPv6 forwarding only where IPv6 is balanced', async (t) => {
  const six = { ...eth0, ipv6: true }
  const mend = async (fake: Fake): Promise<readonly string[]> =>
    (await wrong(fake, [six])).map((finding) => finding.mend)
  t.deepEqual(await mend({}), ['sysctl -w net.ipv6.conf.all.forwarding=1', 'sysctl -w net.ipv6.conf.eth0.forwarding=1'])
  const on = (name: string) => [`/proc/sys/net/ipv6/conf/${name}/forwarding`, '1\n'] as const
  t.deepEqual(await mend({ texts: Object.fromEntries([on('all'), on('eth0')]) }), [])
})
