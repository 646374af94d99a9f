// The main job, acceptance 10: GNOME's file manager shows the drive, and looking at it moves no content.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { Playground, run, until } from '../mount/playground.js'
import { skipWithout } from '../support/skip.js'
import { Desktop } from './desktop.js'
import { png, wordsOn, type Picture } from './screen.js'

const SCREEN = { width: 1000, height: 600 } // a new window of nautilus has 890 × 550
const SCREENSHOTS = join(import.meta.dirname, '..', '..', 'screenshots') // build/screenshots, for a person to look at
const PICTURES = 200
const VIDEOS = 20
const MOVED_LIMIT_BYTES = 1_000_000

const needs = skipWithout('fuse', 'desktop')

t.setTimeout(240_000) // a loaded machine is slow, not wrong

/** The screen once it stands still and all these words are on it; kept as a screenshot. */
async function screenWith(desktop: Desktop, name: string, expected: readonly string[]): Promise<string> {
  let before: Picture | undefined
  let words: string | undefined
  try {
    return await until(`the screen shows ${expected.join(', ')}`, async () => {
      const picture = await desktop.screen(SCREEN)
      const isSame = before?.pixels.equals(picture.pixels) ?? false
      if (!isSame) words = undefined
      before = picture
      if (!isSame || words !== undefined) return undefined
      words = await wordsOn(picture, desktop.path('screenshot.png'))
      return expected.every((word) => words?.includes(word)) ? words : undefined
    }, 60_000)
  } catch (error) {
    throw new Error(`the words on build/screenshots/${name} are: ${words?.replaceAll(/\s+/g, ' ') ?? 'not read, it did not stand still'}`, { cause: error })
  } finally {
    if (before !== undefined) await keep(name, before)
  }
}

async function keep(name: string, picture: Picture): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true })
  await writeFile(join(SCREENSHOTS, name), png(picture))
}

await t.test('nautilus shows what is in the drive, and an empty folder as empty', needs, async (t) => {
  const names = ['Archive', 'Contracts', 'Empty folder', 'Pictures', 'README.txt', 'Recordings', 'Team photos', 'Video']
  const ground = await Playground.start(t, { seed: 'demo' })
  const desktop = await Desktop.start(t, SCREEN)
  desktop.open('nautilus', ['--new-window', ground.folder])
  t.ok(await desktop.window('Bitrix24'), 'the window is called like the mounted folder')
  await screenWith(desktop, 'nautilus-drive.png', names)

  await desktop.run('nautilus', ['--new-window', ground.path('Empty folder')])
  await desktop.window('Empty folder')
  const words = await screenWith(desktop, 'nautilus-empty-folder.png', ['Folder is Empty'])
  t.same(names.filter((name) => name !== 'Empty folder' && words.includes(name)), [])
})

await t.test(`a folder of ${PICTURES} pictures and ${VIDEOS} videos moves at most 1 MB in nautilus, and what is here gets its preview`, needs, async (t) => {
  const ground = await Playground.start(t, { seed: 'demo' })
  await ground.hook('/limits', { off: true }) // what the defence does not stop shall be counted, not slowed
  for (let number = 1; number <= VIDEOS; number += 1) await ground.act({ op: 'move', path: `Recordings/Meeting ${String(number).padStart(2, '0')}.mp4`, to: 'Team photos' })
  const files = (await ground.shell('ls "Team photos"')).trim().split('\n')
  t.equal(files.length, PICTURES + VIDEOS)
  const [here = '', ...others] = files
  await ground.shell(`cat 'Team photos/${here}' > /dev/null`)
  await ground.clearRequests()

  const desktop = await Desktop.start(t, SCREEN)
  await desktop.configure({ 'org/gnome/nautilus/preferences': { 'show-image-thumbnails': "'always'" } })
  desktop.open('nautilus', ['--new-window', ground.path('Team photos')])
  await desktop.window('Team photos')

  // For each file nautilus keeps either the preview or a note that there is none: when all have one, it is done.
  const verdicts = async (kind: string): Promise<readonly string[]> => readdir(desktop.path('cache', 'thumbnails', kind)).catch(() => [])
  const outcome = await until('nautilus has tried to make every preview', async () => {
    const [made, failed, { bytesDown, log }] = await Promise.all([verdicts('large'), verdicts('fail/gnome-thumbnail-factory'), ground.requests()])
    const isDone = made.length + failed.length >= files.length || bytesDown > MOVED_LIMIT_BYTES
    return isDone && { made, failed, bytesDown, log }
  }, 180_000)
  t.comment(`moved ${outcome.bytesDown} bytes`)
  t.ok(outcome.bytesDown <= MOVED_LIMIT_BYTES, `${outcome.bytesDown} bytes moved, ${JSON.stringify(outcome.log.slice(0, 3))}`)

  const verdict = (file: string): string => `${createHash('md5').update(pathToFileURL(ground.path('Team photos', file)).href).digest('hex')}.png`
  t.same(others.filter((file) => !outcome.failed.includes(verdict(file))), [], 'for every other file it has noted that there is no preview')
  t.test('the picture that is here has a preview', await withoutSandbox(), (t) => {
    t.same(outcome.made, [verdict(here)])
    t.end()
  })
})

/** In some containers nobody may mount /proc, so that the sandbox of the thumbnailers, and with it every preview, fails. */
async function withoutSandbox(): Promise<{ skip: string | false }> {
  const { code, stderr } = await run('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', 'true'])
  return { skip: code === 0 ? false : `bwrap does not work here: ${stderr.trim()}` }
}

await t.test('a picture that a person opens in nautilus is downloaded and reaches the program', needs, async (t) => {
  const ground = await Playground.start(t, { seed: 'demo' })
  const desktop = await Desktop.start(t, SCREEN)
  const picture = 'Pictures/Landscape 07.png'
  await mkdir(desktop.path('data', 'applications'))
  await writeFile(desktop.path('viewer'), `#!/bin/sh\ncp -- "$1" "$0.$$" && mv "$0.$$" '${desktop.path('viewed')}'\n`, { mode: 0o755 })
  await writeFile(desktop.path('data', 'applications', 'viewer.desktop'), `[Desktop Entry]\nType=Application\nName=Viewer\nExec=${desktop.path('viewer')} %f\nMimeType=image/png;\n`)
  await writeFile(desktop.path('config', 'mimeapps.list'), '[Default Applications]\nimage/png=viewer.desktop\n')
  desktop.open('nautilus', ['--select', ground.path(picture)])
  const window = await desktop.window('Pictures')
  await screenWith(desktop, 'nautilus-selected.png', ['Landscape 07.png', 'selected']) // Return before that goes to a button
  const viewed = desktop.path('viewed')
  try {
    await desktop.run('xdotool', ['windowfocus', '--sync', window, 'key', 'Return'])
    await until('the program has the picture', () => readFile(viewed).catch(() => undefined), 60_000)
  } finally {
    await keep('nautilus-opened.png', await desktop.screen(SCREEN))
  }
  t.equal(createHash('sha256').update(await readFile(viewed)).digest('hex'), (await ground.item(picture))?.sha256)
})
