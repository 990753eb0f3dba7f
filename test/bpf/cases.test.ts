// Every BPF case under both hooks, on one test bed for each size of the tables.

import test from 'ava'
import { testWith } from '../../src/testing/needs.ts'
import { openBed, type Bed } from './bed.ts'
import type { Case } from './case.ts'
import { admissionCases } from './cases/admission.ts'
import { answerCases } from './cases/answers.ts'
import { associationCases } from './cases/associations.ts'
import { blockedCases } from './cases/blocked.ts'
import { choiceCases } from './cases/choice.ts'
import { directCases } from './cases/direct.ts'
import { errorDetailCases } from './cases/error-details.ts'
import { errorCases } from './cases/errors.ts'
import { familyCases } from './cases/families.ts'
import { flowCases } from './cases/flows.ts'
import { fragmentCases } from './cases/fragments.ts'
import { hintCountCases } from './cases/hint-counts.ts'
import { ipv6Cases } from './cases/ipv6.ts'
import { limitCases } from './cases/limits.ts'
import { masqueradeCases } from './cases/masquerade.ts'
import { matrixCases } from './cases/matrix.ts'
import { n3Cases } from './cases/n3.ts'
import { n3ConsistentCases } from './cases/n3-consistent.ts'
import { n3FragmentCases } from './cases/n3-fragments.ts'
import { n3MessageCases } from './cases/n3-messages.ts'
import { n3RangeCases } from './cases/n3-ranges.ts'
import { n6Cases } from './cases/n6.ts'
import { pfcpCases } from './cases/pfcp.ts'
import { pfcpTrustCases } from './cases/pfcp-trust.ts'
import { quicCases } from './cases/quic.ts'
import { refuseCases } from './cases/refuse.ts'
import { routeCases } from './cases/route.ts'
import { sctpPathCases } from './cases/sctp-paths.ts'
import { sctpCases } from './cases/sctp.ts'
import { selectCases } from './cases/select.ts'
import { serviceCases } from './cases/services.ts'
import { sessionCases } from './cases/sessions.ts'
import { tagCases } from './cases/tags.ts'
import { translateCases } from './cases/translate.ts'
import { uplinkCases } from './cases/uplinks.ts'
import { runCase } from './run-case.ts'
import { wrongByScapy } from './scapy.ts'

const groups: Readonly<Record<string, readonly Case[]>> = {
  matrix: matrixCases,
  masquerade: masqueradeCases,
  translate: translateCases,
  ipv6: ipv6Cases,
  families: familyCases,
  direct: directCases,
  tags: tagCases,
  errors: [...errorCases, ...errorDetailCases],
  fragments: fragmentCases,
  sctp: sctpCases,
  'sctp paths': sctpPathCases,
  refuse: refuseCases,
  route: routeCases,
  flows: flowCases,
  limits: limitCases,
  select: selectCases,
  choice: choiceCases,
  services: serviceCases,
  admission: admissionCases,
  blocked: blockedCases,
  sessions: [
    ...n3Cases,
    ...n3ConsistentCases,
    ...n3MessageCases,
    ...n3RangeCases,
    ...n3FragmentCases,
    ...hintCountCases,
    ...sessionCases,
    ...pfcpCases,
    ...pfcpTrustCases,
    ...quicCases,
  ],
  n6: n6Cases,
  uplinks: uplinkCases,
  answers: answerCases,
  associations: associationCases,
}

const needs = ['root', 'bpf', 'netns'] as const
const beds = new Map<string, Promise<Bed>>()

function bedFor({ flows = 256, hints }: Pick<Case, 'flows' | 'hints'> = {}): Promise<Bed> {
  const size = `${flows} ${hints}`
  const known = beds.get(size) ?? openBed({ flows, ...(hints === undefined ? {} : { hints }) })
  beds.set(size, known)
  return known
}

/** Frames that have come out of cases, whose checksums must be right. */
const translated: Uint8Array[] = []

/** Cases take turns: a bed runs one at a time. */
let turn: Promise<unknown> = Promise.resolve()

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work)
  turn = result.catch(() => {})
  return result
}

test.after.always(async () => {
  for (const bed of beds.values()) await (await bed).close()
})

testWith(needs, 'bpf: the verifier walks at most 100,000 instructions of each program', async (t) => {
  const bed = await bedFor()
  for (const [program, instructions] of Object.entries(await bed.verifiedInstructions())) {
    t.log(`${program}: ${instructions}`)
    t.true(instructions > 0 && instructions <= 100_000, `${program}: ${instructions}`)
  }
})

for (const [group, cases] of Object.entries(groups)) {
  for (const testCase of cases) {
    for (const hook of testCase.hooks ?? (['xdp', 'tc'] as const)) {
      testWith(needs, `bpf: ${group}: ${testCase.name} (${hook})`, async (t) => {
        await inTurn(async () => {
          translated.push(...(await runCase(t, await bedFor(testCase), hook, testCase)))
        })
        t.pass()
      })
    }
  }
}

testWith([...needs, 'scapy'], 'bpf: scapy finds every checksum of the translated packets right', async (t) => {
  const wrong = await inTurn(async () => wrongByScapy(translated))
  t.log(`${translated.length} packets`)
  t.deepEqual(wrong, [])
})
