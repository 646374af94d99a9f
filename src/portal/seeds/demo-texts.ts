/**
 * What the demo's small documents say.
 */

export const DEMO_TEXTS = {
  readme: `Welcome to the demo drive.

Everything here is listed on your computer and takes no space until it is opened.
Try these:

  - open "Video/Company film.mp4" (1 GiB) and see that only what is watched is fetched
  - edit "Проекты/Мост через реку/Пояснительная записка.docx" and look at its versions
  - delete a file and find it again in the portal's trash
`,
  budget: 'Item;Plan;Actual\nRent;120000;120000\nSalaries;940000;955200\nTravel;60000;41800\nSoftware;35000;36250\n',
  notes: 'Совещание 12 января\n\n1. Сроки по мосту: проект до конца марта.\n2. Нужны фотографии с площадки.\n3. Архив за прошлый год переехал в папку Archive.\n',
  news: 'Company news\n\nThe new office opens in spring. Parking is behind the house.\n',
  todo: '- call the printer\n- order cables\n- photos for the site\n',
  attachment: 'This file came through the chat. The folder it lies in never synchronizes.\n',
} as const

export const DEMO_DOCUMENTS = {
  statement: ['Пояснительная записка', 'Мост рассчитан на две полосы движения и пешеходную дорожку.', 'Приложения: чертежи, смета, фотографии.'],
  contract: ['Contract 2026-014', 'The parties agree on the delivery of twelve benches & one fountain.', 'Signed in two copies.'],
  template: ['Letter template', 'Dear Sir or Madam,', '…', 'Yours faithfully,'],
} as const

export type DemoText = keyof typeof DEMO_TEXTS
export type DemoDocument = keyof typeof DEMO_DOCUMENTS
