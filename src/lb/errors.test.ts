import test from 'ava'
import { ResourceError } from './datapath.ts'
import { ConflictError, NotFoundError, UnavailableError, errorCode } from './errors.ts'

test('errors: every error has one stable code', (t) => {
  t.is(errorCode(new NotFoundError('x')), 'not_found')
  t.is(errorCode(new ConflictError('x')), 'conflict')
  t.is(errorCode(new UnavailableError('x')), 'unavailable')
  t.is(errorCode(new ResourceError('services', 'x')), 'resource')
})

test('errors: what is not ours is internal', (t) => {
  t.is(errorCode(new Error('x')), 'internal')
  t.is(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'internal')
  t.is(errorCode(Object.assign(new Error('x'), { code: 'toString' })), 'internal')
  t.is(errorCode('x'), 'internal')
  t.is(errorCode(undefined), 'internal')
})
