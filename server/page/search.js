// Searching, and the grid of what was found.

import { $, api, base, button, count, element, nameOf, parts, percent, tell, thumbnail, library } from './api.js'
import { query, terms, filter, addChip, showChips } from './query.js'
import { countSoon } from './facets.js'
import { detail } from './detail.js'

// state is what the grid shows.
export const state = { hits: [], next: null, selected: new Map(), open: new Set() }

// cut is the probability under which a picture is no match.
const cut = 0.2
const pageSize = 60

let running = null
let timer = null

export const say = (words, bad = false) => tell('status', words, bad)

export function searchSoon() {
  clearTimeout(timer)
  timer = setTimeout(restart, 150)
}

// wanted is the request. A part of a picture is compared with the parts of others, where
// the library has them; such hits have no probability.
function wanted() {
  const all = terms()
  const late = parts.get(library()) > 0 && all.some(t => t.region) && all.every(t => (t.weight ?? 1) === 1)
  if (late) return { terms: all, filter: filter(), limit: pageSize, late }
  return { terms: all, filter: filter(), limit: pageSize, fold: true, min_probability: all.length ? cut : 0 }
}

// restart searches from the first page.
export async function restart() {
  clearTimeout(timer)
  running?.abort()
  const mine = running = new AbortController()
  const body = wanted()
  $('filter').removeAttribute('aria-invalid')
  remember()
  if (!library()) return
  try {
    const start = performance.now()
    const answer = await api('POST', `${base()}/search`, body, mine.signal)
    state.hits = answer.hits
    state.next = answer.next_cursor
    state.open.clear()
    show()
    countSoon(body.min_probability)
    if (!answer.hits.length) return await nothing(body, mine.signal)
    const more = state.next ? ' or more' : ''
    say(body.terms.length ? `${answer.hits.length}${more} found in ${Math.round(performance.now() - start)} ms` : `${answer.hits.length}${more} pictures`)
  } catch (error) {
    if (error.name === 'AbortError') return
    if (error.param === 'filter') $('filter').setAttribute('aria-invalid', 'true')
    say(error.message, true)
  }
}

// nothing says that nothing matches, and shows how near the nearest come, as what
// they are: no matches.
async function nothing(body, signal) {
  say('')
  const box = $('nothing')
  if (!body.terms.length) {
    box.replaceChildren(element('p', { textContent: body.filter ? 'No picture passes this filter.' : 'This library has no pictures yet.' }))
    if (!body.filter) box.append(element('p', { className: 'soft', textContent: 'Fill it under Libraries, or with: emblem index FOLDER' }))
    box.hidden = false
    return
  }
  const nearest = await api('POST', `${base()}/search`, { ...body, min_probability: 0, limit: 12 }, signal)
  box.replaceChildren(element('p', { textContent: 'Nothing here clearly matches.' }))
  if (nearest.hits.length) box.append(element('p', { className: 'soft', textContent: `The nearest are below; the first of them has a chance of ${percent(nearest.hits[0].probability)}.` }))
  box.hidden = false
  state.hits = nearest.hits
  keepingFocus(() => $('results').replaceChildren(...nearest.hits.flatMap(cards)))
}

// more goes on behind the last hit.
export async function more() {
  $('more').disabled = true
  try {
    const answer = await api('POST', `${base()}/search`, { ...wanted(), cursor: state.next })
    state.hits.push(...answer.hits)
    state.next = answer.next_cursor
    show()
  } catch (error) {
    say(error.status === 410 ? 'The library has changed since; search again.' : error.message, true)
  } finally {
    $('more').disabled = false
  }
}

const taken = hit => hit.metadata?.taken || hit.metadata?.added || 0

function sorted() {
  const by = $('sort').value
  if (by === 'relevance') return state.hits
  const sign = by === 'newest' ? -1 : 1
  return state.hits.toSorted((a, b) => sign * (Number(taken(a)) - Number(taken(b))))
}

export function show() {
  $('nothing').hidden = true
  keepingFocus(() => $('results').replaceChildren(...sorted().flatMap(cards)))
  $('more').hidden = !state.next
}

// keepingFocus changes the grid and leaves the focus with the same picture, or with the
// first one: who was in the grid stays there when an answer comes late.
function keepingFocus(change) {
  const focused = document.activeElement?.closest('#results .hit')?.querySelector('.open').dataset.id
  change()
  if (focused !== undefined) ($('results').querySelector(`.open[data-id="${CSS.escape(focused)}"]`) || $('results').querySelector('.open') || $('query')).focus()
}

// cards are a hit's, with those of what looks the same where that is unfolded.
function cards(hit) {
  return state.open.has(hit.id) ? [card(hit), ...copies(hit)] : [card(hit)]
}

const copies = hit => (hit.folded || []).map(id => card({ id, path: hit.path && id }, hit))

function card(hit, of) {
  const name = nameOf(hit)
  const asked = terms().length > 0 && !of
  const box = element('input', { type: 'checkbox', ariaLabel: `Select ${name}`, checked: state.selected.has(hit.id), onchange: () => select(hit, box.checked) })
  const open = element('button', { type: 'button', className: 'open', onclick: () => detail(hit, asked) },
    element('img', { src: thumbnail(hit.id, 320), alt: '', loading: 'lazy' }),
    element('span', { className: 'text' }, element('span', { className: 'name', textContent: name, title: hit.path || hit.id }),
      element('span', { className: 'chance', textContent: asked ? percent(hit.probability) : '', title: asked ? `cosine ${hit.score}` : '' })))
  open.ariaLabel = of ? `${name}, looks the same as ${nameOf(of)}` : asked && hit.probability !== null ? `${name}, ${percent(hit.probability)} likely` : name
  open.dataset.id = hit.id
  const kind = ['hit', asked && hit.probability < cut ? 'weak' : '', of ? 'alike-of' : '', hit.folded?.length ? 'stack' : ''].filter(Boolean).join(' ')
  return element('li', { className: kind }, open, box, hit.folded?.length ? unfolder(hit) : null)
}

// unfolder is the button that shows what looks the same as a hit.
function unfolder(hit) {
  const b = button('', () => unfold(hit), { className: 'alike', ariaLabel: `${count(hit.folded.length, 'picture')} that ${hit.folded.length === 1 ? 'looks' : 'look'} the same as ${nameOf(hit)}` })
  label(b, hit)
  return b
}

function label(b, hit) {
  const on = state.open.has(hit.id)
  b.textContent = on ? 'Fold' : `+${hit.folded.length}`
  b.title = on ? 'Hide what looks the same' : `Show ${hit.folded.length} that look the same`
  b.setAttribute('aria-expanded', String(on))
}

// unfold shows or hides what looks the same as a hit. All else stays as it is; the
// focus of what is hidden goes to the hit.
export function unfold(hit) {
  const li = $('results').querySelector(`.open[data-id="${CSS.escape(hit.id)}"]`).parentElement
  if (state.open.delete(hit.id)) {
    while (li.nextElementSibling?.classList.contains('alike-of')) {
      if (li.nextElementSibling.contains(document.activeElement)) li.querySelector('.open').focus()
      li.nextElementSibling.remove()
    }
  } else {
    state.open.add(hit.id)
    li.after(...copies(hit))
  }
  label(li.querySelector('.alike'), hit)
}

// ---- selection

function select(hit, on) {
  if (on) state.selected.set(hit.id, hit)
  else state.selected.delete(hit.id)
  $('selection').hidden = !state.selected.size
  $('count').textContent = `${state.selected.size} selected`
}

export async function copyPaths() {
  const paths = [...state.selected.values()].map(h => h.path || h.id).join('\n')
  try {
    await navigator.clipboard.writeText(paths)
    say(`${count(state.selected.size, 'path')} on the clipboard.`)
  } catch {
    say('This browser does not let the page copy. Open it as https or on this machine.', true)
  }
}

export async function download() {
  const response = await fetch(`${base()}/zip`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ids: [...state.selected.keys()] }) })
  if (!response.ok) return say((await response.json()).error.message, true)
  const link = element('a', { href: URL.createObjectURL(await response.blob()), download: 'emblem.zip' })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60000)
}

export function clearSelection() {
  state.selected.clear()
  $('selection').hidden = true
  show()
}

// likeSelected makes the selected pictures the query.
export function likeSelected() {
  query.chips = [...state.selected.values()].map(hit => ({ document: hit.id, weight: 1, label: nameOf(hit), picture: thumbnail(hit.id, 160) }))
  $('query').value = ''
  state.selected.clear()
  $('selection').hidden = true
  showChips()
  restart()
}

// likeOne makes one picture the query, or takes it away from it.
export function likeOne(hit, weight) {
  if (weight > 0) { query.chips = []; $('query').value = '' }
  addChip({ document: hit.id, weight, label: nameOf(hit), picture: thumbnail(hit.id, 160) })
}

// likePart makes a part of a picture the query.
export function likePart(hit, region) {
  query.chips = []
  $('query').value = ''
  addChip({ document: hit.id, region, weight: 1, label: `a part of ${nameOf(hit)}`, picture: thumbnail(hit.id, 160) })
}

// ---- the address says what is shown

export function remember() {
  const now = new URLSearchParams()
  if ($('query').value) now.set('q', $('query').value)
  if ($('filter').value) now.set('filter', $('filter').value)
  for (const f of query.filters) now.append('only', `${f.field}=${f.value}`)
  if (library()) now.set('library', library())
  history.replaceState(null, '', `#${now}`)
}

export function recall() {
  const then = new URLSearchParams(location.hash.slice(1))
  $('query').value = then.get('q') || ''
  $('filter').value = then.get('filter') || ''
  query.filters = then.getAll('only').filter(f => f.includes('=')).map(f => ({ field: f.slice(0, f.indexOf('=')), value: f.slice(f.indexOf('=') + 1) }))
  return { library: then.get('library'), view: then.get('view') }
}

// keys walks through the grid, as it happens to be laid out.
export function keys(event) {
  const cards = [...$('results').querySelectorAll('.open')]
  const i = cards.indexOf(document.activeElement)
  if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === ' ') {
    event.preventDefault()
    cards[i].parentElement.querySelector('input').click()
    return
  }
  if (event.key === 'd') {
    const hit = state.hits.find(h => h.folded?.length && (h.id === cards[i].dataset.id || h.folded.includes(cards[i].dataset.id)))
    if (hit) unfold(hit)
    return
  }
  const columns = getComputedStyle($('results')).gridTemplateColumns.split(' ').length
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key]
  if (!step) return
  event.preventDefault()
  if (i + step < 0) $('query').focus()
  else cards[Math.min(cards.length - 1, i + step)].focus()
}
