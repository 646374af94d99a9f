/**
 * A name in plain ASCII, as the portal puts it into the first form of Content-Disposition (E-54): Cyrillic by letters,
 * anything else that is not ASCII as `_`.
 */

const LETTERS: Readonly<Record<string, string>> = {
  ...{ а: 'a', б: 'b', в: 'v', г: 'g', д: 'd', е: 'e', ё: 'ye', ж: 'zh', з: 'z', и: 'i', й: 'y', к: 'k', л: 'l', м: 'm', н: 'n', о: 'o', п: 'p' },
  ...{ р: 'r', с: 's', т: 't', у: 'u', ф: 'f', х: 'kh', ц: 'ts', ч: 'ch', ш: 'sh', щ: 'shch', ъ: '', ы: 'y', ь: '', э: 'e', ю: 'yu', я: 'ya' },
}

export function transliterated(name: string): string {
  let plain = ''
  for (const letter of name.normalize('NFC')) {
    const lower = letter.toLowerCase()
    const known = LETTERS[lower]
    if (known !== undefined) plain += letter === lower ? known : known.charAt(0).toUpperCase() + known.slice(1)
    else plain += /^[\u0020-\u007e]$/.test(letter) && letter !== '"' && letter !== '\\' ? letter : '_'
  }
  return plain
}
