/**
 * Finds what src/fs/SEMANTICS.md lacks: paragraphs without a number or without tests, tests that are not there or do not
 * cite their paragraph, numbers that tests cite and no paragraph has. Pure: the texts are given.
 *
 * A paragraph begins with `[S-12]` and ends with `Test: ` or `Tests: ` and names of files below test/, each with words of a
 * test's title: `mount/killed` "killed after close". What stands before the first heading of level 2 is the introduction.
 */

interface Proof {
  readonly file: string
  readonly words: string
}

interface Paragraph {
  readonly anchor: string
  readonly proofs: readonly Proof[]
}

/** `tests`: the text of each test file by its path below the checkout. */
export function findSemanticsGaps(document: string, tests: ReadonlyMap<string, string>): readonly string[] {
  const blocks = readBlocks(document)
  const numberless = blocks.filter((block) => !/^(\[S-\d+\]|#|\|)/.test(block))
  const paragraphs = blocks.flatMap(readParagraph)
  const anchors = paragraphs.map(({ anchor }) => anchor)
  const known = new Set(anchors)
  const cited = [...tests].flatMap(([path, text]) => [...text.matchAll(/\[(S-\d+)\]/g)].map(([, anchor = '']) => ({ path, anchor })))
  return [
    ...(paragraphs.length === 0 ? ['there is no paragraph with a number'] : []),
    ...numberless.map((block) => `a paragraph has no number: ${block.slice(0, 60)}…`),
    ...anchors.filter((anchor, index) => anchors.indexOf(anchor) !== index).map((anchor) => `${anchor} stands twice`),
    ...paragraphs.flatMap((paragraph) => paragraphGaps(paragraph, tests)),
    ...cited.filter(({ anchor }) => !known.has(anchor)).map(({ path, anchor }) => `${path} cites ${anchor}, which no paragraph has`),
  ]
}

function readBlocks(document: string): readonly string[] {
  const [, ...sections] = document.split(/^(?=## )/m)
  return sections.join('').split(/\n{2,}/).map((block) => block.trim()).filter((block) => block !== '')
}

function readParagraph(block: string): readonly Paragraph[] {
  const anchor = /^\[(S-\d+)\]/.exec(block)?.[1]
  if (anchor === undefined) return []
  const text = block.replaceAll(/\s+/g, ' ')
  const end = /\bTests?: (?=`)(?!.*\bTests?: `)(.*)$/.exec(text)?.[1] ?? ''
  return [{ anchor, proofs: [...end.matchAll(/`([^`]+)` "([^"]+)"/g)].map(([, file = '', words = '']) => ({ file, words })) }]
}

function paragraphGaps({ anchor, proofs }: Paragraph, tests: ReadonlyMap<string, string>): readonly string[] {
  if (proofs.length === 0) return [`${anchor} names no test`]
  return proofs.flatMap(({ file, words }) => {
    const path = `test/${file}.test.ts`
    const text = tests.get(path)
    if (text === undefined) return [`${anchor} names ${path}, which does not exist`]
    return [
      ...(text.includes(`[${anchor}]`) ? [] : [`${anchor} is not cited in ${path}`]),
      ...(text.includes(words) ? [] : [`${anchor}: no test of ${path} has the words "${words}"`]),
    ]
  })
}
