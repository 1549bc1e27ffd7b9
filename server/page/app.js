// The page of emblem: no framework, nothing fetched from elsewhere. Whatever comes
// from a library is put in as text, never as markup.

const $ = id => document.getElementById(id)

// state is what the page shows: chips are the fixed parts of the query, the rest
// is in the form.
const state = { chips: [], hits: [], next: null, selected: new Map(), shown: null }

// cut is the probability under which a picture is no match.
const cut = 0.2

class Refusal extends Error {
  constructor(status, error) {
    super(error?.message || `the server answered ${status}`)
    this.status = status
    this.param = error?.param
  }
}

async function api(method, path, body, signal) {
  const response = await fetch(path, { method, signal, headers: body ? { 'Content-Type': 'application/json' } : {}, body: body && JSON.stringify(body) })
  if (response.status === 204) return null
  const answer = await response.json().catch(() => null)
  if (response.status === 401) askForKey()
  if (!response.ok) throw new Refusal(response.status, answer?.error)
  return answer
}

const library = () => $('library').value
const base = () => `/v1/libraries/${encodeURIComponent(library())}`
const thumbnail = (id, size) => `${base()}/thumbnail?size=${size}&id=${encodeURIComponent(id)}`
const nameOf = hit => (hit.path || hit.id).split(/[/\\]/).pop()
const percent = p => p >= 0.995 ? '99+ %' : `${Math.round(p * 100)} %`

function element(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties)
  e.append(...children)
  return e
}

// ---- the query

// typed reads the input as the command line does: parts joined by " + " and " - ".
function typed() {
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

const terms = () => [...state.chips.map(({ label, picture, ...term }) => term), ...typed()]

function showChips() {
  $('chips').replaceChildren(...state.chips.map((chip, i) => {
    const minus = chip.weight < 0
    const li = element('li', { className: minus ? 'chip minus' : 'chip' })
    if (chip.picture) li.append(element('img', { src: chip.picture, alt: '' }))
    li.append(element('span', { textContent: `${minus ? 'without ' : ''}${chip.label}` }),
      element('button', { type: 'button', className: 'quiet', textContent: minus ? '+' : '−', ariaLabel: minus ? `Add ${chip.label} instead` : `Take ${chip.label} away instead`,
        onclick: () => { chip.weight = -chip.weight; showChips(); search() } }),
      element('button', { type: 'button', className: 'quiet', textContent: '✕', ariaLabel: `Remove ${chip.label}`,
        onclick: () => { state.chips.splice(i, 1); showChips(); search(); $('query').focus() } }))
    return li
  }))
}

function addChip(chip) {
  state.chips.push({ weight: 1, ...chip })
  showChips()
  search()
}

// addPicture makes a dropped, pasted or picked picture a part of the query. It is
// made smaller first: the model sees no more.
async function addPicture(file) {
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

// ---- searching

let running = null
let timer = null

function searchSoon() {
  clearTimeout(timer)
  timer = setTimeout(search, 150)
}

function say(words, bad = false) {
  $('status').textContent = words
  $('status').classList.toggle('bad', bad)
}

async function search() {
  clearTimeout(timer)
  running?.abort()
  const mine = running = new AbortController()
  const body = { terms: terms(), filter: $('filter').value.trim(), limit: 60, fold: true, min_probability: terms().length ? cut : 0 }
  $('filter').removeAttribute('aria-invalid')
  remember()
  try {
    const start = performance.now()
    const answer = await api('POST', `${base()}/search`, body, mine.signal)
    state.hits = answer.hits
    state.next = answer.next_cursor
    show()
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
    box.replaceChildren(element('p', { textContent: body.filter ? 'No picture passes this filter.' : 'This library has no pictures yet. Put some in with: emblem index FOLDER' }))
    box.hidden = false
    return
  }
  const nearest = await api('POST', `${base()}/search`, { ...body, min_probability: 0, limit: 12 }, signal)
  box.replaceChildren(element('p', { textContent: 'Nothing here clearly matches.' }))
  if (nearest.hits.length) box.append(element('p', { textContent: `The nearest are below; the first of them has a chance of ${percent(nearest.hits[0].probability)}.` }))
  box.hidden = false
  state.hits = nearest.hits
  $('results').replaceChildren(...nearest.hits.map(card))
}

async function more() {
  const body = { terms: terms(), filter: $('filter').value.trim(), limit: 60, min_probability: terms().length ? cut : 0, cursor: state.next }
  try {
    const answer = await api('POST', `${base()}/search`, body)
    state.hits.push(...answer.hits)
    state.next = answer.next_cursor
    show()
  } catch (error) {
    say(error.message, true)
  }
}

const taken = hit => hit.metadata?.taken || hit.metadata?.added || 0

function sorted() {
  const by = $('sort').value
  if (by === 'relevance') return state.hits
  const sign = by === 'newest' ? -1 : 1
  return state.hits.toSorted((a, b) => sign * (Number(taken(a)) - Number(taken(b))))
}

function show() {
  $('nothing').hidden = true
  $('results').replaceChildren(...sorted().map(card))
  $('more').hidden = !state.next
}

function card(hit) {
  const name = nameOf(hit)
  const asked = terms().length > 0
  const box = element('input', { type: 'checkbox', ariaLabel: `Select ${name}`, checked: state.selected.has(hit.id), onchange: () => select(hit, box.checked) })
  const open = element('button', { type: 'button', onclick: () => detail(hit) },
    element('img', { src: thumbnail(hit.id, 320), alt: '', loading: 'lazy' }),
    element('span', { className: 'text' }, element('span', { className: 'name', textContent: hit.folded?.length ? `${name} +${hit.folded.length}` : name, title: hit.folded?.length ? `and ${hit.folded.length} that look the same` : '' }),
      element('span', { className: 'chance', textContent: asked ? percent(hit.probability) : '', title: `cosine ${hit.score}` })))
  open.ariaLabel = asked ? `${name}, ${percent(hit.probability)} likely` : name
  return element('li', { className: asked && hit.probability < cut ? 'hit weak' : 'hit' }, open, box)
}

// ---- selection

function select(hit, on) {
  if (on) state.selected.set(hit.id, hit)
  else state.selected.delete(hit.id)
  $('selection').hidden = !state.selected.size
  $('count').textContent = `${state.selected.size} selected`
}

async function copyPaths() {
  const paths = [...state.selected.values()].map(h => h.path || h.id).join('\n')
  try {
    await navigator.clipboard.writeText(paths)
    say(`${state.selected.size} paths are on the clipboard.`)
  } catch {
    say('This browser does not let the page copy. Open it as https or on this machine.', true)
  }
}

async function download() {
  const response = await fetch(`${base()}/zip`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ids: [...state.selected.keys()] }) })
  if (!response.ok) return say((await response.json()).error.message, true)
  const link = element('a', { href: URL.createObjectURL(await response.blob()), download: 'emblem.zip' })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60000)
}

// ---- one picture

function facts(list, entries) {
  list.replaceChildren(...entries.flatMap(([k, v]) => [element('dt', { textContent: k }), element('dd', { textContent: v })]))
}

const asDate = seconds => new Date(Number(seconds) * 1000).toLocaleString()

function detail(hit) {
  state.shown = hit
  $('detail-name').textContent = nameOf(hit)
  $('detail-picture').src = thumbnail(hit.id, 1280)
  $('detail-why').textContent = terms().length ? `Found with cosine ${hit.score}, ${percent(hit.probability)} likely to be what you meant.` : ''
  facts($('detail-facts'), [['path', hit.path || hit.id], ...(hit.folded || []).map(id => ['looks the same', id]), ...Object.entries(hit.metadata || {}).map(([k, v]) => [k, k === 'taken' || k === 'added' ? asDate(v) : Array.isArray(v) ? v.join(', ') : String(v)])])
  hideHeat()
  $('heat-row').hidden = !meant()
  $('detail').showModal()
}

// ---- why it was found: where in the picture the model sees the words

// meant is what the query's words ask for; what is taken away is nowhere.
const meant = () => [...state.chips, ...typed()].filter(t => t.text && t.weight > 0).map(t => t.text).join(', ')

function hideHeat() {
  $('heat').hidden = true
  $('heat-words').textContent = ''
  $('heat-toggle').setAttribute('aria-pressed', 'false')
}

async function toggleHeat() {
  if ($('heat-toggle').getAttribute('aria-pressed') === 'true') return hideHeat()
  const hit = state.shown
  const words = meant()
  $('heat-toggle').setAttribute('aria-pressed', 'true')
  try {
    const map = await api('GET', `${base()}/heat?id=${encodeURIComponent(hit.id)}&text=${encodeURIComponent(words)}`)
    await $('detail-picture').decode() // its size is the canvas's
    if (state.shown !== hit || $('heat-toggle').getAttribute('aria-pressed') !== 'true') return
    drawHeat(map)
    const sentence = `The model sees “${words}” ${strongest(map)}.`
    $('heat').ariaLabel = sentence
    $('heat-words').textContent = `${sentence} Yellow is strong, blue weak.`
    $('heat').hidden = false
  } catch (error) {
    if (state.shown !== hit) return
    hideHeat()
    $('heat-words').textContent = error.message
  }
}

// strongest says where the greatest value lies, in thirds of the picture.
function strongest(map) {
  const top = Math.max(...map.values)
  if (!top) return 'nowhere in particular'
  const i = map.values.indexOf(top)
  const third = (low, high, at, n) => Math.min(2, Math.max(0, Math.floor(3 * (low + (high - low) * (at + 0.5) / n))))
  const across = ['left', '', 'right'][third(map.left, map.right, i % map.width, map.width)]
  const down = ['upper', '', 'lower'][third(map.top, map.bottom, Math.floor(i / map.width), map.height)]
  if (!across && !down) return 'most strongly in the middle'
  return `most strongly in the ${[down, across || 'middle'].filter(Boolean).join(' ')}`
}

// drawHeat lays the map over the picture: blue veils what is weak, yellow marks
// what is strong, which differ in brightness too, and what is between shows
// through.
function drawHeat(map) {
  const small = element('canvas', { width: map.width, height: map.height })
  const pen = small.getContext('2d')
  const cells = pen.createImageData(map.width, map.height)
  map.values.forEach((v, i) => cells.data.set(v < 0.5 ? [0, 32, 77, 400 * (0.5 - v)] : [255, 234, 70, 320 * (v - 0.5)], 4 * i))
  pen.putImageData(cells, 0, 0)
  const canvas = $('heat')
  canvas.width = $('detail-picture').naturalWidth
  canvas.height = $('detail-picture').naturalHeight
  const brush = canvas.getContext('2d')
  brush.imageSmoothingQuality = 'high'
  brush.drawImage(small, map.left * canvas.width, map.top * canvas.height, (map.right - map.left) * canvas.width, (map.bottom - map.top) * canvas.height)
}

function likeShown(weight) {
  const hit = state.shown
  $('detail').close()
  if (weight > 0) { state.chips = []; $('query').value = '' }
  addChip({ document: hit.id, weight, label: nameOf(hit), picture: thumbnail(hit.id, 160) })
}

// ---- the server

async function about() {
  try {
    const [models, libraries] = await Promise.all([api('GET', '/v1/models'), api('GET', '/v1/libraries')])
    facts($('about-facts'), [
      ...models.data.map(m => ['model', `${m.id}, ${m.dimensions} dimensions`]),
      ...libraries.data.map(l => ['library', `${l.name}: ${l.documents} documents${l.model ? `, ${l.model}` : ''}`])])
    $('about-box').showModal()
  } catch (error) {
    say(error.message, true)
  }
}

function askForKey() {
  if (!$('login').open) $('login').showModal()
}

async function logIn(event) {
  event.preventDefault()
  $('login-error').textContent = ''
  try {
    await api('POST', '/session', { key: $('key').value })
    $('key').value = ''
    $('login').close()
    start()
  } catch (error) {
    $('login-error').textContent = error.message
  }
}

async function loadFields() {
  try {
    const { fields } = await api('GET', `${base()}/fields`)
    $('fields').replaceChildren(...fields.flatMap(f => f.examples.slice(0, 5).map(value => element('option', { value: `${f.name}:${/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)}` }))))
  } catch { /* the filter works without suggestions */ }
}

// ---- the address says what is shown

function remember() {
  const now = new URLSearchParams()
  if ($('query').value) now.set('q', $('query').value)
  if ($('filter').value) now.set('filter', $('filter').value)
  if (library()) now.set('library', library())
  history.replaceState(null, '', `#${now}`)
}

function recall() {
  const then = new URLSearchParams(location.hash.slice(1))
  $('query').value = then.get('q') || ''
  $('filter').value = then.get('filter') || ''
  return then.get('library')
}

async function start() {
  try {
    const session = await api('GET', '/session')
    if (session.key_needed) return askForKey()
    const wanted = recall()
    const { data } = await api('GET', '/v1/libraries')
    const label = l => l.name === 'samples' ? 'Sample: illustrations' : l.name
    $('library').replaceChildren(...data.map(l => element('option', { value: l.name, textContent: label(l) })))
    if (!data.length) return say('There is no library yet. Make one with: emblem index FOLDER')
    if (data.some(l => l.name === wanted)) $('library').value = wanted
    await Promise.all([loadFields(), search()])
  } catch (error) {
    say(error.message, true)
  }
}

// ---- events

$('search').addEventListener('submit', event => { event.preventDefault(); search() })
$('query').addEventListener('input', searchSoon)
$('query').addEventListener('keydown', event => {
  if (event.key === 'Backspace' && !$('query').value && state.chips.length) { state.chips.pop(); showChips(); search() }
  if (event.key === 'ArrowDown') { event.preventDefault(); $('results').querySelector('button')?.focus() }
})
$('filter').addEventListener('input', searchSoon)
$('sort').addEventListener('change', show)
$('library').addEventListener('change', () => { state.chips = state.chips.filter(c => !c.document); showChips(); loadFields(); search() })
$('file').addEventListener('change', event => { addPicture(event.target.files[0]); event.target.value = '' })
$('more').addEventListener('click', more)
$('copy').addEventListener('click', copyPaths)
$('zip').addEventListener('click', download)
$('clear').addEventListener('click', () => { state.selected.clear(); $('selection').hidden = true; show() })
$('similar').addEventListener('click', () => likeShown(1))
$('without').addEventListener('click', () => likeShown(-1))
$('heat-toggle').addEventListener('click', toggleHeat)
$('about').addEventListener('click', about)
$('login-form').addEventListener('submit', logIn)

document.addEventListener('paste', event => {
  const file = [...event.clipboardData.files][0]
  if (file) { event.preventDefault(); addPicture(file) }
})
let depth = 0
document.addEventListener('dragenter', event => { if (event.dataTransfer.types.includes('Files')) { depth++; $('drop').hidden = false } })
document.addEventListener('dragleave', () => { depth = Math.max(0, depth - 1); if (!depth) $('drop').hidden = true })
document.addEventListener('dragover', event => event.preventDefault())
document.addEventListener('drop', event => {
  event.preventDefault()
  depth = 0
  $('drop').hidden = true
  if (event.dataTransfer.files[0]) addPicture(event.dataTransfer.files[0])
})

// Arrows walk through the grid, as it happens to be laid out.
$('results').addEventListener('keydown', event => {
  const buttons = [...$('results').querySelectorAll('.hit > button')]
  const i = buttons.indexOf(document.activeElement)
  if (i < 0) return
  if (event.key === ' ') {
    event.preventDefault()
    buttons[i].parentElement.querySelector('input').click()
    return
  }
  const columns = getComputedStyle($('results')).gridTemplateColumns.split(' ').length
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key]
  if (!step) return
  event.preventDefault()
  if (i + step < 0) $('query').focus()
  else buttons[Math.min(buttons.length - 1, i + step)].focus()
})
document.addEventListener('keydown', event => {
  if (event.key === '/' && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); $('query').focus() }
})

start()
