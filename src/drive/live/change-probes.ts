/** Probes of names, uploads, versions and times: each makes what it needs in the scratch folder. */
import { hasCode } from '../../base/errors.js'
import type { Probe } from './probe.js'
import { rowOf, textOf, type Scratch } from './scratch.js'

const BYTES = Buffer.from('elastic')
const EMPTY = Buffer.alloc(0)
const LONG_NAME_CHARACTERS = 240 // the trash adds 16 to at most 255 (bitrix24-rest.md 7.4)

export const CHANGE_PROBES: readonly Probe[] = [
  {
    trait: 'fileHistory',
    item: 'E-5',
    about: 'the plan keeps versions of files',
    run: async (scratch) => (await versions(scratch, textOf(await scratch.file(BYTES), 'ID'))) !== undefined,
  },
  {
    trait: 'falseTextIsTrue',
    item: 'E-6',
    about: 'the text "false" as a boolean parameter is true',
    run: async (scratch) => {
      const name = scratch.newName('.txt')
      const asked = { id: scratch.folderId, data: { NAME: name }, fileContent: [name, BYTES.toString('base64')] }
      await scratch.ask('disk.folder.uploadfile', asked)
      return (await scratch.refusal(scratch.ask('disk.folder.uploadfile', { ...asked, generateUniqueName: 'false' }))) === undefined
    },
  },
  {
    trait: 'nameCollation',
    item: 'E-29',
    about: 'names that differ by case, accent or a blank at the end only are one name',
    run: async (scratch) => {
      const name = scratch.newName()
      await addFolder(scratch, `${name} Élan`)
      const isFree = async (other: string): Promise<boolean> => (await scratch.refusal(addFolder(scratch, `${name} ${other}`))) === undefined
      if (await isFree('élan')) return 'bytes'
      if (await isFree('Elan')) return 'mysql-accents'
      return (await isFree('Élan ')) ? 'mysql-0900' : 'mysql'
    },
  },
  {
    trait: 'dotNames',
    item: 'E-31',
    about: 'the name `.`',
    run: async (scratch) => ((await scratch.refusal(addFolder(scratch, '.'))) === undefined ? 'accepted' : 'refused'),
  },
  {
    trait: 'unsafeMarks',
    item: 'E-31',
    about: 'a mark in a name that turns the direction of writing',
    run: async (scratch) => ((await scratch.refusal(addFolder(scratch, scratch.newName('\u202e')))) === undefined ? 'accepted' : 'invalid'),
  },
  {
    trait: 'uploadNames',
    item: 'E-31',
    about: 'an upload whose name has characters that are not allowed',
    run: async (scratch) => {
      const name = scratch.newName(' a:b*c?.txt')
      const asked = scratch.upload(name, BYTES)
      if ((await scratch.refusal(asked)) !== undefined) return 'refused'
      return textOf(rowOf('upload', await asked), 'NAME') === name ? undefined : 'repaired'
    },
  },
  {
    trait: 'zeroName',
    item: 'E-32',
    about: 'a rename to "0"',
    run: async (scratch) => {
      const id = textOf(await addFolder(scratch, scratch.newName()), 'ID')
      return (await scratch.refusal(scratch.ask('disk.folder.rename', { id, newName: '0' }))) === undefined ? 'accepted' : 'empty'
    },
  },
  {
    trait: 'emptyContentCode',
    item: 'E-35',
    about: 'the code of an upload without content',
    run: async (scratch) => {
      const name = scratch.newName('.txt')
      return (await scratch.refusal(scratch.ask('disk.folder.uploadfile', { id: scratch.folderId, data: { NAME: name }, fileContent: [name, ''] })))?.portalCode
    },
  },
  {
    trait: 'emptyMultipartFile',
    item: 'E-36',
    about: 'a file of 0 bytes by the upload form',
    run: async (scratch) => ((await scratch.refusal(scratch.upload(scratch.newName('.txt'), EMPTY))) === undefined ? 'accepted' : 'refused'),
  },
  {
    trait: 'uploadAnswerHasTime',
    item: 'E-36',
    about: 'the answer of the upload form has `time`',
    run: async (scratch) => (await scratch.upload(scratch.newName('.txt'), BYTES)).time !== undefined,
  },
  {
    trait: 'versionsAreJoined',
    item: 'E-39',
    about: 'versions of one user within 300 s become one',
    run: async (scratch) => {
      const id = textOf(await scratch.file(BYTES), 'ID')
      const addVersion = (text: string): Promise<unknown> => scratch.ask('disk.file.uploadversion', { id, fileContent: ['content', Buffer.from(text).toString('base64')] })
      await addVersion('second')
      const before = await versions(scratch, id)
      await addVersion('third')
      const after = await versions(scratch, id)
      return before === undefined || after === undefined ? undefined : after === before
    },
  },
  {
    trait: 'folderRestore',
    item: 'E-43',
    about: 'who may restore a folder that he has trashed himself',
    run: async (scratch) => {
      const id = textOf(await addFolder(scratch, scratch.newName()), 'ID')
      await scratch.ask('disk.folder.markdeleted', { id })
      return (await scratch.refusal(scratch.ask('disk.folder.restore', { id }))) === undefined ? 'by-right' : 'administrators'
    },
  },
  {
    trait: 'trashOfLongNames',
    item: 'E-43',
    about: 'trashing a name of 240 characters',
    run: async (scratch) => {
      const id = textOf(await addFolder(scratch, scratch.newName().padEnd(LONG_NAME_CHARACTERS, 'x')), 'ID')
      if ((await scratch.refusal(scratch.ask('disk.folder.markdeleted', { id }))) === undefined) return 'works'
      // Or the scratch folder itself might not go into the trash with it.
      await scratch.ask('disk.folder.rename', { id, newName: scratch.newName() })
      return 'fails'
    },
  },
  {
    trait: 'renameSetsUpdateTime',
    item: 'E-48',
    about: 'a rename moves the item\'s own UPDATE_TIME',
    run: async (scratch) => {
      const made = await addFolder(scratch, scratch.newName())
      const id = textOf(made, 'ID')
      const before = textOf(await scratch.row('disk.folder.get', { id }), 'UPDATE_TIME')
      await scratch.tick()
      await scratch.ask('disk.folder.rename', { id, newName: scratch.newName() })
      return textOf(await scratch.row('disk.folder.get', { id }), 'UPDATE_TIME') !== before
    },
  },
  {
    trait: 'restoreSetsParentTime',
    item: 'E-48',
    about: 'restoring an item moves the UPDATE_TIME of its folder',
    run: async (scratch) => {
      const parent = textOf(await addFolder(scratch, scratch.newName()), 'ID')
      const child = textOf(await scratch.row('disk.folder.uploadfile', { id: parent, data: { NAME: 'child' }, fileContent: ['child', BYTES.toString('base64')] }), 'ID')
      await scratch.ask('disk.file.markdeleted', { id: child })
      const before = textOf(await scratch.row('disk.folder.get', { id: parent }), 'UPDATE_TIME')
      await scratch.tick()
      await scratch.ask('disk.file.restore', { id: child })
      return textOf(await scratch.row('disk.folder.get', { id: parent }), 'UPDATE_TIME') !== before
    },
  },
]

async function addFolder(scratch: Scratch, name: string): ReturnType<Scratch['row']> {
  return scratch.row('disk.folder.addsubfolder', { id: scratch.folderId, data: { NAME: name } })
}

/** How many; undefined where the plan has no history. */
async function versions(scratch: Scratch, id: string): Promise<number | undefined> {
  try {
    return (await scratch.rows('disk.file.getversions', { id })).length
  } catch (error) {
    if (hasCode(error, 'unknown-method')) return undefined
    throw error
  }
}
