// Values beside the results that narrow the search down. They are counted after the
// hits are shown, so that nobody waits for them.

import { $, api, base, button, element, count } from './api.js'
import { filter, hasFilter, labelOf, plain, terms, toggleFilter } from './query.js'

// unfit are fields that do not divide pictures into few groups.
const unfit = ['path', 'name', 'taken', 'added', 'gps', 'width', 'height', 'size', 'caption', 'month', 'source', 'latitude', 'longitude']
const order = ['tag', 'year', 'folder', 'camera', 'lens', 'kind']
const most = 8

let fields = []
let timer = null
let running = null

// loadFields learns what there is in the library.
export async function loadFields() {
  fields = []
  try {
    const answer = await api('GET', `${base()}/fields`)
    const rank = f => (order.indexOf(f.name) + 1) || order.length + 1
    fields = answer.fields.filter(f => f.documents > 0 && !unfit.includes(f.name)).sort((a, b) => rank(a) - rank(b)).slice(0, most).map(f => f.name)
    $('fields').replaceChildren(...answer.fields.flatMap(f => (f.examples || []).slice(0, 5).map(value => element('option', { value: `${f.name}:${value}` }))))
  } catch { /* the filter works without suggestions */ }
}

// countSoon counts anew when the query has been still for a while.
export function countSoon(cut) {
  clearTimeout(timer)
  running?.abort()
  timer = setTimeout(() => countNow(cut), 250)
}

async function countNow(cut) {
  if (!fields.length) return hideFacets()
  const mine = running = new AbortController()
  const asked = terms()
  try {
    const { facets } = asked.length
      ? await api('POST', `${base()}/search`, { terms: asked, filter: filter(), limit: 1, fold: true, min_probability: cut, facets: fields }, mine.signal)
      : await api('POST', `${base()}/facets`, { filter: filter(), fields, top: 10 }, mine.signal)
    showFacets(facets || [])
  } catch (error) {
    if (error.name !== 'AbortError') hideFacets() // the search itself has said what is wrong
  }
}

export function hideFacets() {
  $('facets').hidden = true
  $('narrow').hidden = true
}

// showFacets leaves out what would narrow nothing down, but for what was picked.
function showFacets(facets) {
  const useful = facets.filter(f => f.values.some(v => hasFilter(f.field, v.value)) || f.values.length > 1 && !nearlyUnique(f))
  const focused = document.activeElement?.dataset?.facet
  $('facets').replaceChildren(...useful.map(box))
  $('facets').hidden = $('narrow').hidden = !useful.length
  if (focused) [...$('facets').querySelectorAll('button')].find(b => b.dataset.facet === focused)?.focus()
}

// nearlyUnique says that hardly two pictures have the same value.
const nearlyUnique = f => f.documents > 20 && !order.includes(f.field) && f.values.reduce((sum, v) => sum + v.documents, 0) < f.documents / 5

const shown = 6

function box(facet) {
  const list = element('ul', {}, ...facet.values.map((v, i) => value(facet.field, v, i)))
  const title = element('h2', { textContent: facet.field })
  const all = facet.values.length > shown
    ? button(`${facet.values.length - shown} more`, event => { list.classList.add('all'); event.target.remove(); list.children[shown].querySelector('button').focus() }, { className: 'quiet small' })
    : null
  return element('div', { className: 'facet', role: 'group', ariaLabel: facet.field }, title, list, all)
}

function value(field, v, i) {
  const on = hasFilter(field, v.value)
  const b = button('', () => toggleFilter(field, v.value), { className: 'value', title: plain(v.value) })
  b.dataset.facet = `${field}=${v.value}`
  b.setAttribute('aria-pressed', String(on))
  b.ariaLabel = `${field} ${plain(v.value)}, ${count(v.documents, 'picture')}`
  b.append(element('span', { className: 'label', textContent: labelOf(field, v.value) }), element('span', { className: 'number', textContent: v.documents.toLocaleString('en') }))
  return element('li', { className: i < shown || on ? '' : 'rest' }, b)
}
