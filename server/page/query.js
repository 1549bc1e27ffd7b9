// The query: chips are its fixed parts, the rest is in the form.

import { $, button, element } from './api.js'
import { restart } from './search.js'

// query holds the terms that are chips, and the values that narrow the search down.
export const query = { chips: [], filters: [] }

// typed reads the input as the command line does: parts joined by " + " and " - ".
export function typed() {
  const text = $('query').value.trim()
  if (!text) return []
  const parts = text.split(/ ([+-]) /)
  return parts.flatMap((part, i) => {
    if (i % 2) return []
    const sign = i && parts[i - 1] === '-' ? -1 : 1
    const [, weight, words] = part.trim().match(/^(?:(\d+(?:\.\d+)?):)?\s*(.*)$/s)
    return words ? [{ text: words, weight: sign * (weight ? Number(weight) : 1) }] : []
  })
}

export const terms = () => [...query.chips.map(({ label, picture, ...term }) => term), ...typed()]

// filter is what is typed and what was picked, all of which has to be so.
export function filter() {
  const text = $('filter').value.trim()
  const picked = query.filters.map(f => `${f.field}=${f.value}`)
  if (!picked.length) return text
  return [...(text ? [`(${text})`] : []), ...picked].join(' and ')
}

export function showChips() {
  $('chips').replaceChildren(...query.chips.map((chip, i) => {
    const minus = chip.weight < 0
    const li = element('li', { className: minus ? 'chip minus' : 'chip' })
    if (chip.picture) li.append(element('img', { src: chip.picture, alt: '' }))
    li.append(element('span', { textContent: `${minus ? 'without ' : ''}${chip.label}` }),
      button(minus ? '+' : '−', () => { chip.weight = -chip.weight; showChips(); restart() }, { className: 'quiet', ariaLabel: minus ? `Add ${chip.label} instead` : `Take ${chip.label} away instead` }),
      button('✕', () => { query.chips.splice(i, 1); showChips(); restart(); $('query').focus() }, { className: 'quiet', ariaLabel: `Remove ${chip.label}` }))
    return li
  }))
}

export function addChip(chip) {
  query.chips.push({ weight: 1, ...chip })
  showChips()
  restart()
}

// plain is a filter's value without the quotes that the language needs.
export const plain = value => /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value

// labelOf is a value for people: of a folder the end.
export function labelOf(field, value) {
  const text = plain(value)
  if (field !== 'folder') return text
  const parts = text.split(/[/\\]/).filter(Boolean)
  return parts.slice(-2).join(' / ') || text
}

export const hasFilter = (field, value) => query.filters.some(f => f.field === field && f.value === value)

// toggleFilter adds a value to what narrows the search down, or takes it out.
export function toggleFilter(field, value) {
  if (hasFilter(field, value)) query.filters = query.filters.filter(f => f.field !== field || f.value !== value)
  else query.filters.push({ field, value })
  showFilters()
  restart()
}

export function showFilters() {
  $('filters').hidden = !query.filters.length
  $('filters').replaceChildren(...query.filters.map(f => {
    const label = `${f.field}: ${labelOf(f.field, f.value)}`
    return element('li', { className: 'chip', title: plain(f.value) }, element('span', { textContent: label }),
      button('✕', () => { toggleFilter(f.field, f.value); $('query').focus() }, { className: 'quiet', ariaLabel: `Remove the filter ${label}` }))
  }))
}

// addPicture makes a dropped, pasted or picked picture a part of the query. It is
// made smaller first: the model sees no more. What goes wrong is said.
export async function addPicture(file, say) {
  if (!file?.type.startsWith('image/')) return say(`${file?.name || 'This'} is not a picture.`, true)
  try {
    const bitmap = await createImageBitmap(file)
    const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height))
    const canvas = element('canvas', { width: Math.max(1, bitmap.width * scale), height: Math.max(1, bitmap.height * scale) })
    const pen = canvas.getContext('2d')
    pen.fillStyle = '#fff'
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
    const image = canvas.toDataURL('image/jpeg', 0.92)
    addChip({ image, label: file.name || 'picture', picture: image })
  } catch {
    say(`${file.name || 'The picture'} cannot be read by this browser.`, true)
  }
}
