/**
 * The demo: a small company's drives. Nested folders, names in two scripts, documents that open, pictures, videos and an
 * archive that take no disk, a connected folder of the company drive, "Uploaded files", and a colleague with a drive of
 * his own.
 */
import type { FolderRow } from '../rows.js'
import { Heads } from './heads.js'
import { ListedSeed, type SeedItem } from './listed-seed.js'
import { COLLEAGUE_ID, COLLEAGUE_STORAGE_ID, COMMON_STORAGE_ID, OWNER_STORAGE_ID } from './seed.js'

const MIB = 2 ** 20
const GIB = 2 ** 30
const DAY = 86_400
const PHOTOS = 200
const RECORDINGS = 20

/** 140 characters, 261 bytes: within the portal's limit of characters, beyond Linux's limit of bytes (O-7). */
const LONG_NAME =
  'Протокол расширенного совещания руководителей всех подразделений о ходе подготовки рабочей документации и сроках сдачи объекта заказчику.txt'

export function demoSeed(madeSec: number): ListedSeed {
  const demo = new DemoBuilder(madeSec)
  const company = demo.companyDrive()
  demo.ownDrive(company)
  demo.colleaguesDrive()
  return demo.seed
}

class DemoBuilder {
  readonly seed: ListedSeed
  readonly #heads = new Heads()

  constructor(madeSec: number) {
    this.seed = new ListedSeed(madeSec)
  }

  /** Answers the folder that the owner has connected. */
  companyDrive(): FolderRow {
    const root = this.seed.root(COMMON_STORAGE_ID)
    const company = this.seed.folder({ parent: root, name: 'Company', ageSec: 300 * DAY })
    this.#whole({ parent: company, name: 'News.txt', by: COLLEAGUE_ID, ageSec: 2 * DAY }, 'text/news')
    const templates = this.seed.folder({ parent: company, name: 'Templates', ageSec: 290 * DAY })
    this.#whole({ parent: templates, name: 'Letter.docx', ageSec: 200 * DAY }, 'docx/template')
    this.#whole({ parent: templates, name: 'Logo.png', ageSec: 200 * DAY }, 'png/777')
    this.#padded({ parent: company, name: 'Правила внутреннего распорядка.pdf', by: COLLEAGUE_ID, ageSec: 150 * DAY }, null, 840_000)
    return company
  }

  ownDrive(company: FolderRow): void {
    const root = this.seed.root(OWNER_STORAGE_ID)
    this.#whole({ parent: root, name: 'README.txt', ageSec: 20 * DAY }, 'text/readme')
    this.#padded({ parent: root, name: 'empty.txt', ageSec: 20 * DAY }, null, 0)
    this.#whole({ parent: root, name: LONG_NAME, ageSec: 9 * DAY }, 'text/notes')
    this.#projects(root)
    this.#contracts(root)
    this.#pictures(root)
    const video = this.seed.folder({ parent: root, name: 'Video', ageSec: 60 * DAY })
    this.#padded({ parent: video, name: 'Company film.mp4', ageSec: 40 * DAY }, `mp4/${GIB}`, GIB)
    const archive = this.seed.folder({ parent: root, name: 'Archive', ageSec: 60 * DAY })
    this.#padded({ parent: archive, name: 'backup-2025.tar', ageSec: 30 * DAY }, `tar/${300 * MIB}`, 300 * MIB)
    this.seed.folder({ parent: root, name: 'Empty folder', ageSec: 5 * DAY })
    const uploaded = this.seed.folder({ parent: root, name: 'Uploaded files', code: 'FOR_UPLOADED_FILES', ageSec: 100 * DAY })
    this.#whole({ parent: uploaded, name: 'From the chat.txt', ageSec: DAY }, 'text/attachment')
    this.seed.folder({ parent: root, name: 'Company', ageSec: 90 * DAY }, company.id)
  }

  colleaguesDrive(): void {
    const root = this.seed.root(COLLEAGUE_STORAGE_ID)
    const shared = this.seed.folder({ parent: root, name: 'Чертежи', by: COLLEAGUE_ID, ageSec: 80 * DAY })
    for (const [index, name] of ['План.png', 'Разрез.png', 'Фасад.png'].entries()) this.#whole({ parent: shared, name, by: COLLEAGUE_ID, ageSec: 70 * DAY }, `png/${500 + index}`)
    this.#whole({ parent: root, name: 'Список дел.txt', by: COLLEAGUE_ID, ageSec: 3 * DAY }, 'text/todo')
  }

  #projects(root: FolderRow): void {
    const projects = this.seed.folder({ parent: root, name: 'Проекты', ageSec: 200 * DAY })
    const bridge = this.seed.folder({ parent: projects, name: 'Мост через реку', ageSec: 190 * DAY })
    this.#whole({ parent: bridge, name: 'Пояснительная записка.docx', ageSec: 4 * DAY }, 'docx/statement')
    this.#whole({ parent: bridge, name: 'Заметки.txt', ageSec: 2 * DAY }, 'text/notes')
    let stage = this.seed.folder({ parent: bridge, name: 'Чертежи', ageSec: 180 * DAY })
    for (const name of ['Стадия П', 'Раздел 3', 'Опоры', 'Узлы']) stage = this.seed.folder({ parent: stage, name, ageSec: 170 * DAY })
    for (let number = 1; number <= 8; number += 1) this.#padded({ parent: stage, name: `Узел ${number}.dwg`, by: COLLEAGUE_ID, ageSec: (160 - number) * DAY }, null, 180_000 + number * 7919)
    const garden = this.seed.folder({ parent: projects, name: 'City garden', ageSec: 120 * DAY })
    this.#whole({ parent: garden, name: 'Budget 2026.csv', ageSec: 6 * DAY }, 'text/budget')
    this.#padded({ parent: garden, name: 'Site model.ifc', ageSec: 50 * DAY }, null, 24_500_000)
  }

  #contracts(root: FolderRow): void {
    const contracts = this.seed.folder({ parent: root, name: 'Contracts', ageSec: 250 * DAY })
    for (const year of ['2025', '2026']) {
      const folder = this.seed.folder({ parent: contracts, name: year, ageSec: 240 * DAY })
      for (let number = 1; number <= 14; number += 1) this.#whole({ parent: folder, name: `${year}-${String(number).padStart(3, '0')} Contract.docx`, ageSec: (100 - number) * DAY }, 'docx/contract')
    }
  }

  #pictures(root: FolderRow): void {
    const pictures = this.seed.folder({ parent: root, name: 'Pictures', ageSec: 80 * DAY })
    for (let number = 1; number <= 16; number += 1) this.#whole({ parent: pictures, name: `Landscape ${String(number).padStart(2, '0')}.png`, ageSec: (60 - number) * DAY }, `png/${number}`)
    const photos = this.seed.folder({ parent: root, name: 'Team photos', ageSec: 80 * DAY })
    for (let number = 1; number <= PHOTOS; number += 1) {
      this.#padded({ parent: photos, name: `IMG_${String(4000 + number)}.png`, ageSec: 45 * DAY - number * 600 }, `png/${1000 + number}`, 2_400_000 + ((number * 104_729) % 1_900_000))
    }
    const recordings = this.seed.folder({ parent: root, name: 'Recordings', ageSec: 80 * DAY })
    for (let number = 1; number <= RECORDINGS; number += 1) {
      const sizeBytes = (60 + ((number * 37) % 90)) * MIB
      this.#padded({ parent: recordings, name: `Meeting ${String(number).padStart(2, '0')}.mp4`, ageSec: (40 - number) * DAY }, `mp4/${sizeBytes}`, sizeBytes)
    }
  }

  /** A file that is its head and nothing more. */
  #whole(item: SeedItem, head: string): void {
    this.seed.file(item, { head, sizeBytes: this.#heads.bytes(head).length })
  }

  /** A file that goes on behind its head with generated bytes. */
  #padded(item: SeedItem, head: string | null, sizeBytes: number): void {
    this.seed.file(item, { head, sizeBytes })
  }
}
