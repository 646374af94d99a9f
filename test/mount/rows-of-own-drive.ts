/**
 * Rows C1 to C18, C21 and C22 of the decision table (bitrix24-desktop-sync.md 11.1), in the own drive; played by
 * decision-rows.test.ts and its neighbours.
 */
import type { Row } from './row-play.js'

const TWO = { 'cached.txt': 'cached', 'listed.txt': 'listed' }
const TREE = { 'tree/cached.txt': 'below', 'tree/listed.txt': 'below, listed' }
const EDIT_BOTH = 'printf mine > cached.txt; printf "mine too" > listed.txt'

export const ROWS_OF_OWN_DRIVE: readonly Row[] = [
  {
    promise: 'C1: the same on both sides: nothing happens',
    files: TWO,
    ends: { 'cached.txt': { is: 'cached.txt', holds: 'cached', versions: 0, state: 'cached' }, 'listed.txt': { is: 'listed.txt', holds: 'listed', versions: 0, state: 'placeholder' } },
    keepsInodes: true,
  },
  {
    promise: 'C2: changed here: a new version of the same object',
    files: TWO,
    here: 'printf " and more" >> cached.txt; printf mine > listed.txt',
    ends: { 'cached.txt': { is: 'cached.txt', holds: 'cached and more', edited: true }, 'listed.txt': { is: 'listed.txt', holds: 'mine', edited: true } },
    keepsInodes: true,
  },
  {
    promise: 'C3: renamed or moved here: the same object, no byte is moved',
    files: { ...TWO, ...TREE, 'inner/kept.txt': 'kept' },
    here: 'mv cached.txt renamed.txt; mv listed.txt inner/listed.txt; mv tree inner/other',
    ends: {
      'renamed.txt': { is: 'cached.txt', holds: 'cached', versions: 0, state: 'cached' },
      inner: { is: 'inner' },
      'inner/kept.txt': { is: 'inner/kept.txt', holds: 'kept' },
      'inner/listed.txt': { is: 'listed.txt', holds: 'listed', versions: 0, state: 'placeholder' },
      'inner/other': { is: 'tree' },
      'inner/other/cached.txt': { is: 'tree/cached.txt', holds: 'below', versions: 0, state: 'cached' },
      'inner/other/listed.txt': { is: 'tree/listed.txt', holds: 'below, listed', versions: 0, state: 'placeholder' },
    },
    keepsInodes: true,
  },
  {
    promise: 'C4: deleted here: it goes to the trash there, and is not destroyed',
    files: { ...TWO, ...TREE },
    here: 'rm cached.txt listed.txt; rm -r tree',
    ends: {},
    also: async (t, stage) => {
      for (const path of ['cached.txt', 'listed.txt', 'tree/cached.txt']) t.match(await stage.remote(path), { DELETED_TYPE: /[34]/u }, `${path} is in the trash`)
    },
  },
  {
    promise: 'C5: new here: made there',
    files: {},
    here: 'printf new > new.txt; mkdir -p made/in; printf deep > made/in/deep.txt',
    ends: { 'new.txt': { is: 'new', holds: 'new', state: 'cached' }, made: {}, 'made/in': {}, 'made/in/deep.txt': { holds: 'deep' } },
  },
  {
    promise: 'C6: changed there: the bytes here are dropped, and nothing is downloaded before somebody reads',
    files: TWO,
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt']) await stage.act('write', path, { content: `${path} of theirs` })
    },
    ends: { 'cached.txt': { is: 'cached.txt', holds: 'cached.txt of theirs', versions: 1, state: 'placeholder' }, 'listed.txt': { is: 'listed.txt', holds: 'listed.txt of theirs', versions: 1, state: 'placeholder' } },
    keepsInodes: true,
  },
  {
    promise: 'C7: changed on both sides: theirs keeps name and object, mine is a file beside it',
    files: TWO,
    here: EDIT_BOTH,
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt']) await stage.act('write', path, { content: `${path} of theirs` })
    },
    ends: {
      'cached.txt': { is: 'cached.txt', holds: 'cached.txt of theirs', versions: 1 },
      'cached (conflict).txt': { is: 'new', holds: 'mine' },
      'listed.txt': { is: 'listed.txt', holds: 'listed.txt of theirs', versions: 1 },
      'listed (conflict).txt': { is: 'new', holds: 'mine too' },
    },
  },
  {
    promise: 'C8: changed on both sides to the same bytes: no copy, no version of ours',
    files: TWO,
    here: 'printf both > cached.txt; printf "both too" > listed.txt',
    there: async (stage) => {
      await stage.act('write', 'cached.txt', { content: 'both' })
      await stage.act('write', 'listed.txt', { content: 'both too' })
    },
    ends: { 'cached.txt': { is: 'cached.txt', holds: 'both', versions: 1, state: 'cached' }, 'listed.txt': { is: 'listed.txt', holds: 'both too', versions: 1, state: 'cached' } },
    compared: 2,
    keepsInodes: true,
  },
  {
    promise: 'C9: changed there and deleted here: it comes back with what they wrote',
    files: { ...TWO, ...TREE },
    here: 'rm cached.txt listed.txt; rm -r tree',
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt', 'tree/cached.txt']) await stage.act('write', path, { content: `${path} of theirs` })
    },
    ends: {
      'cached.txt': { is: 'cached.txt', holds: 'cached.txt of theirs', versions: 1, state: 'placeholder' },
      'listed.txt': { is: 'listed.txt', holds: 'listed.txt of theirs', versions: 1, state: 'placeholder' },
      tree: { is: 'tree' },
      'tree/cached.txt': { is: 'tree/cached.txt', holds: 'tree/cached.txt of theirs', versions: 1, state: 'placeholder' },
    },
  },
  {
    promise: 'C10: renamed or moved there: it goes along, and its bytes stay',
    files: { ...TWO, ...TREE, 'inner/kept.txt': 'kept' },
    there: async (stage) => {
      await stage.act('rename', 'cached.txt', { name: 'renamed.txt' })
      await stage.act('move', 'listed.txt', { to: 'inner' })
      await stage.act('move', 'tree', { to: 'inner' })
      await stage.act('rename', 'inner/tree', { name: 'other' })
    },
    ends: {
      'renamed.txt': { is: 'cached.txt', holds: 'cached', state: 'cached' },
      inner: { is: 'inner' },
      'inner/kept.txt': { is: 'inner/kept.txt', holds: 'kept' },
      'inner/listed.txt': { is: 'listed.txt', holds: 'listed', state: 'placeholder' },
      'inner/other': { is: 'tree' },
      'inner/other/cached.txt': { is: 'tree/cached.txt', holds: 'below', state: 'cached' },
      'inner/other/listed.txt': { is: 'tree/listed.txt', holds: 'below, listed', state: 'placeholder' },
    },
    keepsInodes: true,
  },
  {
    promise: 'C11: renamed or moved there and changed here: one new version at their place',
    files: { ...TWO, 'inner/kept.txt': 'kept', 'cached far.txt': 'far' },
    here: `${EDIT_BOTH}; printf "mine far" > "cached far.txt"`,
    there: async (stage) => {
      await stage.act('rename', 'cached.txt', { name: 'theirs.txt' })
      await stage.act('move', 'listed.txt', { to: 'inner' })
      await stage.act('mkdir', 'made/there')
      await stage.act('move', 'cached far.txt', { to: 'made/there' })
    },
    ends: {
      'theirs.txt': { is: 'cached.txt', holds: 'mine', edited: true, state: 'cached' },
      inner: { is: 'inner' },
      'inner/kept.txt': { is: 'inner/kept.txt', holds: 'kept' },
      made: { is: 'new' },
      'made/there': { is: 'new' },
      'made/there/cached far.txt': { is: 'cached far.txt', holds: 'mine far', edited: true, state: 'cached' },
      'inner/listed.txt': { is: 'listed.txt', holds: 'mine too', edited: true, state: 'cached' },
    },
    keepsInodes: true,
  },
  {
    promise: 'C12: renamed or moved on both sides: their place, my bytes',
    files: { ...TWO, ...TREE, 'theirs/kept.txt': '1', 'mine/kept.txt': '2' },
    here: 'mv cached.txt mine.txt; printf " and mine" >> mine.txt; mv listed.txt mine/; mv tree my-tree; printf new > my-tree/new.txt',
    there: async (stage) => {
      await stage.act('rename', 'cached.txt', { name: 'theirs.txt' })
      await stage.act('move', 'listed.txt', { to: 'theirs' })
      await stage.act('rename', 'tree', { name: 'their-tree' })
    },
    ends: {
      'theirs.txt': { is: 'cached.txt', holds: 'cached and mine', edited: true, state: 'cached' },
      theirs: { is: 'theirs' },
      'theirs/kept.txt': { holds: '1' },
      'theirs/listed.txt': { is: 'listed.txt', holds: 'listed', versions: 0, state: 'placeholder' },
      mine: { is: 'mine' },
      'mine/kept.txt': { holds: '2' },
      'their-tree': { is: 'tree' },
      'their-tree/cached.txt': { is: 'tree/cached.txt', holds: 'below', state: 'cached' },
      'their-tree/listed.txt': { is: 'tree/listed.txt', holds: 'below, listed', state: 'placeholder' },
      'their-tree/new.txt': { is: 'new', holds: 'new' },
    },
    keepsInodes: true,
  },
  {
    promise: 'C13: locked or shared there, and nothing else: no byte is moved',
    files: { ...TWO, ...TREE },
    there: async (stage) => {
      await stage.act('lock', 'cached.txt')
      await stage.act('share', 'listed.txt', { as: 'owner', level: 'read' })
      await stage.act('share', 'tree', { as: 'owner', level: 'read' })
    },
    ends: {
      'cached.txt': { is: 'cached.txt', holds: 'cached', versions: 0, state: 'cached' },
      'listed.txt': { is: 'listed.txt', holds: 'listed', versions: 0, state: 'placeholder' },
      tree: { is: 'tree' },
      'tree/cached.txt': { is: 'tree/cached.txt', holds: 'below', versions: 0, state: 'cached' },
      'tree/listed.txt': { is: 'tree/listed.txt', holds: 'below, listed', versions: 0, state: 'placeholder' },
    },
    keepsInodes: true,
  },
  {
    promise: 'C14: trashed or destroyed there: it goes here, and is not uploaded again',
    files: { ...TWO, ...TREE, 'cached destroyed.txt': '1', 'listed destroyed.txt': '2' },
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt', 'tree']) await stage.act('trash', path)
      for (const path of ['cached destroyed.txt', 'listed destroyed.txt']) await stage.destroy(path)
    },
    ends: {},
  },
  {
    promise: 'C15: trashed or destroyed there and changed here: nothing is written to the old object, the edit is a new one',
    files: { ...TWO, 'cached destroyed.txt': '1', 'listed destroyed.txt': '2' },
    here: `${EDIT_BOTH}; printf 3 > 'cached destroyed.txt'; printf 4 > 'listed destroyed.txt'`,
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt']) await stage.act('trash', path)
      for (const path of ['cached destroyed.txt', 'listed destroyed.txt']) await stage.destroy(path)
    },
    ends: {
      'cached.txt': { is: 'new', holds: 'mine', state: 'cached' },
      'listed.txt': { is: 'new', holds: 'mine too', state: 'cached' },
      'cached destroyed.txt': { is: 'new', holds: '3' },
      'listed destroyed.txt': { is: 'new', holds: '4' },
    },
    also: async (t, stage) => {
      for (const path of ['cached.txt', 'listed.txt']) t.match(await stage.remote(path), { DELETED_TYPE: '3', GLOBAL_CONTENT_VERSION: String(stage.before.get(path)?.version) }, `${path} of before is in the trash as it was`)
    },
  },
  {
    promise: 'C16: deleted on both sides: forgotten',
    files: { ...TWO, ...TREE },
    here: 'rm cached.txt listed.txt; rm -r tree',
    there: async (stage) => {
      await stage.act('trash', 'cached.txt')
      await stage.destroy('listed.txt')
      await stage.act('trash', 'tree')
    },
    ends: {},
    also: async (t, stage) => t.match(await stage.remote('cached.txt'), { DELETED_TYPE: '3' }, 'and not destroyed'),
  },
  {
    promise: 'C17: a folder trashed there goes with what is clean in it; edits and new items are kept in the recovery folder',
    files: { ...TREE, 'tree/cached c17.txt': '1', 'tree/deep/listed c17.txt': '2' },
    here: `printf edited > 'tree/cached c17.txt'; printf overwritten > 'tree/deep/listed c17.txt'; printf new > 'tree/new c17.txt'; mkdir 'tree/made c17'; printf inside > 'tree/made c17/inside.txt'`,
    there: (stage) => stage.act('trash', 'tree'),
    ends: {},
    recovered: { 'cached c17.txt': 'edited', 'listed c17.txt': 'overwritten', 'new c17.txt': 'new', 'made c17': null, 'made c17/inside.txt': 'inside' },
  },
  {
    promise: 'C18: deleted there, then restored there: the same object is shown again',
    files: { ...TWO, ...TREE },
    earlier: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt', 'tree']) await stage.act('trash', path)
    },
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt', 'tree']) await stage.restore(path)
    },
    ends: {
      'cached.txt': { is: 'cached.txt', holds: 'cached', state: 'placeholder' },
      'listed.txt': { is: 'listed.txt', holds: 'listed', state: 'placeholder' },
      tree: { is: 'tree' },
      'tree/cached.txt': { is: 'tree/cached.txt', holds: 'below' },
      'tree/listed.txt': { is: 'tree/listed.txt', holds: 'below, listed' },
    },
  },
  {
    promise: 'C18: deleted here, then restored there: the same object is shown again',
    files: TWO,
    earlier: (stage) => stage.here('rm cached.txt listed.txt'),
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt']) await stage.restore(path)
    },
    ends: {
      'cached.txt': { is: 'cached.txt', holds: 'cached', state: 'placeholder' },
      'listed.txt': { is: 'listed.txt', holds: 'listed', state: 'placeholder' },
    },
  },
  {
    promise: 'C21: new there: shown, and downloaded when it is read',
    files: {},
    there: async (stage) => {
      await stage.act('write', 'new.txt', { content: 'new' })
      await stage.act('write', 'made/in/deep.txt', { content: 'deep' })
    },
    ends: { 'new.txt': { is: 'new', holds: 'new', state: 'placeholder' }, made: {}, 'made/in': {}, 'made/in/deep.txt': { is: 'new', holds: 'deep', state: 'placeholder' } },
  },
  {
    promise: 'C22: new on both sides under one name: the same bytes are one file, others two; folders become one',
    files: {},
    here: 'printf equal > same.txt; printf mine > differs.txt; mkdir both kind; printf 1 > both/mine.txt; printf 2 > kind/inside.txt',
    there: async (stage) => {
      await stage.act('write', 'same.txt', { content: 'equal' })
      await stage.act('write', 'differs.txt', { content: 'theirs' })
      await stage.act('write', 'both/theirs.txt', { content: '3' })
      await stage.act('write', 'kind', { content: 'a file' })
    },
    ends: {
      'same.txt': { holds: 'equal', versions: 1 },
      'differs.txt': { holds: 'theirs', versions: 1 },
      'differs (conflict).txt': { holds: 'mine' },
      both: {},
      'both/mine.txt': { holds: '1' },
      'both/theirs.txt': { holds: '3' },
      kind: { holds: 'a file' },
      'kind (conflict)': {},
      'kind (conflict)/inside.txt': { holds: '2' },
    },
    compared: 1,
  },
]
