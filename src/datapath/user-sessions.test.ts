import type { ExecutionContext } from 'ava'
import { native } from '../../native/load.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { SmallMaps } from '../testing/datapath/small-maps.ts'
import { testWith } from '../testing/needs.ts'
import { UserSessionError } from '../lb/user-sessions.ts'
import {
  downlinkOffsets,
  downlinkSize,
  settingsFeatures,
  settingsOffsets,
  sourceKeySize,
  uplinkKeySize,
  uplinkOffsets,
  uplinkSize,
} from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import { UserSessions, type UserSessionMaps } from './user-sessions.ts'
import type { UserSession } from '../lb/user-sessions.ts'

interface Bed {
  readonly control: UserSessions
  readonly maps: UserSessionMaps
  /** entries of each map: tunnels, users, classifiers */
  readonly sizes: () => readonly number[]
  readonly isLookedFor: () => boolean
  /** as the fast path would, packets of 100 bytes in all that there is */
  readonly count: (uplink: bigint, downlink: bigint) => void
}

const session = (more: Partial<UserSession> = {}): UserSession => ({
  ueAddresses: ['10.60.0.1'],
  uplink: { address: '192.0.2.1', teid: 1 },
  downlink: { address: '10.0.1.2', teid: 2 },
  classifiers: [
    { prefix: '10.0.2.0/24', qfi: 9 },
    { prefix: '10.0.3.7/32', qfi: 5 },
  ],
  ...more,
})

const countIn = (
  fd: number,
  keySize: number,
  valueSize: number,
  at: { readonly packets: number; readonly bytes: number },
  packets: bigint,
): void => {
  for (const key of mapKeys(fd, keySize)) {
    const value = new Uint8Array(valueSize)
    native.mapLookup(fd, key, value)
    const view = new DataView(value.buffer)
    view.setBigUint64(at.packets, packets, true)
    view.setBigUint64(at.bytes, 100n * packets, true)
    native.mapUpdate(fd, key, value)
  }
}

const sessions = (title: string, run: (t: ExecutionContext, bed: Bed) => void): void =>
  testWith(['root', 'bpf'], `user sessions: ${title}`, (t) => {
    const maps = SmallMaps.open(t)
    const { fds } = maps.loaded
    run(t, {
      maps: fds,
      control: new UserSessions({ fds, needed: (any) => maps.services.needUplinks(any) }),
      sizes: () => [
        mapKeys(fds.uplinks, uplinkKeySize).length,
        mapKeys(fds.downlinks, 16).length,
        mapKeys(fds.classifiers, sourceKeySize).length,
      ],
      isLookedFor: () =>
        (maps.memory.settings.getUint16(settingsOffsets.features, true) & settingsFeatures.uplinks) !== 0,
      count: (uplink, downlink) => {
        countIn(fds.uplinks, uplinkKeySize, uplinkSize, uplinkOffsets, uplink)
        countIn(fds.downlinks, 16, downlinkSize, downlinkOffsets, downlink)
      },
    })
  })

sessions('all of a session comes and goes, and packets are looked at while there is one', (t, bed) => {
  t.false(bed.isLookedFor())
  bed.control.install(session())
  bed.control.install(
    session({ ueAddresses: ['2001:db8::1:2'], uplink: { address: '192.0.2.1', teid: 7 }, classifiers: [] }),
  )
  t.deepEqual(bed.sizes(), [2, 2, 2])
  t.true(bed.isLookedFor())
  t.deepEqual(
    bed.control.list().flatMap(({ ueAddresses }) => ueAddresses),
    ['10.60.0.1', '2001:db8::1:2'],
  )
  t.true(bed.control.remove('10.60.0.1'))
  t.false(bed.control.remove('10.60.0.1'))
  t.true(bed.isLookedFor())
  t.true(bed.control.remove('2001:db8:0:0:9:9:9:9'))
  t.deepEqual(bed.sizes(), [0, 0, 0])
  t.false(bed.isLookedFor())
})

sessions('what replaces a session leaves nothing of it', (t, bed) => {
  bed.control.install(session())
  bed.control.install(
    session({ uplink: { address: '192.0.2.1', teid: 8 }, classifiers: [{ prefix: '10.0.2.0/24', qfi: 1 }] }),
  )
  t.deepEqual(bed.sizes(), [1, 1, 1])
  bed.control.install(session({ ueAddresses: ['10.60.0.2'] }))
  t.deepEqual(bed.sizes(), [2, 2, 3])
  t.deepEqual(bed.control.counts('10.60.0.2')?.uplink, { packets: 0n, bytes: 0n })
  t.is(bed.control.counts('10.60.0.3'), null)
})

sessions(
  'each entry has the tag of its key, by which a packet sees that an element has become another one',
  (t, bed) => {
    bed.control.install(session({ ueAddresses: ['10.60.0.1', '2001:db8::1:2'], classifiers: [] }))
    const v6 = { uplink: { address: '2001:db8::9', teid: 0xffff_fffe }, downlink: { address: '2001:db8::8', teid: 2 } }
    bed.control.install(session({ ueAddresses: ['10.60.0.2'], ...v6 }))
    const tagsIn = (fd: number, keySize: number, valueSize: number, at: number): void => {
      const keys = mapKeys(fd, keySize)
      t.true(keys.length > 1)
      for (const key of keys) {
        const value = new Uint8Array(valueSize)
        native.mapLookup(fd, key, value)
        t.is(new DataView(value.buffer).getUint32(at, true), keyTag(key), Buffer.from(key).toString('hex'))
      }
    }
    tagsIn(bed.maps.uplinks, uplinkKeySize, uplinkSize, uplinkOffsets.tag)
    tagsIn(bed.maps.downlinks, 16, downlinkSize, downlinkOffsets.tag)
  },
)

sessions('a user of both families has one tunnel, and goes as one', (t, bed) => {
  const both = session({
    ueAddresses: ['10.60.0.1', '2001:db8::1:2'],
    classifiers: [
      { prefix: '10.0.2.0/24', qfi: 9 },
      { prefix: 'fd00::/8', qfi: 9 },
    ],
  })
  bed.control.install(both)
  t.deepEqual(bed.sizes(), [1, 2, 2])
  t.deepEqual(bed.control.list(), [both])
  bed.control.install(session({ uplink: { address: '192.0.2.1', teid: 8 }, classifiers: [] }))
  t.deepEqual(bed.sizes(), [1, 1, 0], 'what takes one of its addresses takes its place')
  bed.control.install(session({ ueAddresses: ['2001:db8::1'], classifiers: [] }))
  bed.control.install(both)
  t.deepEqual(bed.sizes(), [1, 2, 2], 'what has both takes the places of two')
  t.true(bed.control.remove('2001:db8::9:9'))
  t.deepEqual(bed.sizes(), [0, 0, 0])
  t.false(bed.isLookedFor())
})

sessions('what has been counted goes on where user and uplink tunnel stay', (t, bed) => {
  bed.control.install(session())
  bed.count(7n, 3n)
  bed.control.install(session({ downlink: { address: '10.0.1.9', teid: 44 }, classifiers: [] }))
  t.deepEqual(bed.control.counts('10.60.0.1'), {
    uplink: { packets: 7n, bytes: 700n },
    downlink: { packets: 3n, bytes: 300n },
  })
  bed.control.install(session({ uplink: { address: '192.0.2.1', teid: 8 } }))
  t.deepEqual(bed.control.counts('10.60.0.1')?.uplink, { packets: 0n, bytes: 0n })
})

sessions('what cannot be is refused by name, and changes nothing', (t, bed) => {
  bed.control.install(session())
  const refused = (more: Partial<UserSession>): string | undefined =>
    t.throws(() => bed.control.install(session({ ueAddresses: ['10.60.0.2'], ...more })), {
      instanceOf: UserSessionError,
    })?.reason
  t.is(refused({}), 'tunnel in use')
  const uplink = { address: '192.0.2.1', teid: 9 }
  t.is(refused({ uplink: { ...uplink, teid: 0 } }), 'bad teid')
  t.is(refused({ uplink, downlink: { address: '10.0.1.2', teid: 2 ** 32 } }), 'bad teid')
  t.is(refused({ uplink, downlink: { address: '2001:db8::1', teid: 1 } }), 'bad address')
  t.is(refused({ uplink, ueAddresses: ['nobody'] }), 'bad address')
  t.is(refused({ uplink, ueAddresses: [] }), 'bad address')
  t.is(refused({ uplink, ueAddresses: ['10.60.0.2', '10.60.0.3'] }), 'bad address')
  t.is(refused({ uplink, classifiers: [{ prefix: '10.0.0.0/8', qfi: 64 }] }), 'bad qfi')
  t.is(refused({ uplink, classifiers: [{ prefix: '10.0.0.0/99', qfi: 1 }] }), 'bad prefix')
  t.is(refused({ uplink, classifiers: [{ prefix: 'fd00::/8', qfi: 1 }] }), 'bad prefix')
  t.deepEqual(bed.sizes(), [1, 1, 2])
})

sessions('those with the same places share them, in whatever order they are named', (t, { control, sizes }) => {
  const places = session().classifiers
  const of = (host: number, classifiers: UserSession['classifiers']): UserSession =>
    session({ ueAddresses: [`10.60.0.${host}`], uplink: { address: '192.0.2.1', teid: host }, classifiers })
  control.install(of(1, places))
  control.install(of(2, places.toReversed()))
  t.deepEqual(sizes(), [2, 2, 2])
  control.install(of(3, [{ prefix: '10.0.2.0/24', qfi: 8 }]))
  t.deepEqual(sizes(), [3, 3, 3], 'another QFI is another set')
  control.install(of(1, [{ prefix: '10.0.2.0/24', qfi: 8 }]))
  t.deepEqual(sizes(), [3, 3, 3], 'one has still the first set')
  control.remove('10.60.0.2')
  t.deepEqual(sizes(), [2, 2, 1])
  control.remove('10.60.0.1')
  control.remove('10.60.0.3')
  t.deepEqual(sizes(), [0, 0, 0])
})
