// The page of emblem: no framework, nothing fetched from elsewhere. This file joins
// the parts: views, events, keys.

import { $, allowed, api, askForKey, element, parts } from './api.js'
import { addPicture, query, showChips, showFilters } from './query.js'
import { clearSelection, copyPaths, download, keys, likeOne, likePart, likeSelected, more, recall, remember, restart, say, searchSoon, show } from './search.js'
import { loadFields } from './facets.js'
import { shownHit, toggleHeat } from './detail.js'
import { listenToRegion } from './region.js'
import { create, indexFolder, labelOf, showLibraries } from './libraries.js'
import { showModels, showPhotos } from './models.js'
import { showHealth, stopHealth } from './health.js'
import { ask, askAbout, askFile, showAsk } from './ask.js'

// ---- views

const views = ['search', 'question', 'libraries', 'models', 'health']
const openers = { question: showAsk, libraries: showLibraries, models: showModels, health: showHealth }

function go(view, focus = true) {
  stopHealth()
  for (const v of views) $(`view-${v}`).hidden = v !== view
  $('search').hidden = view !== 'search'
  if (view !== 'search') $('selection').hidden = true
  for (const b of $('views').children) {
    if (b.dataset.view === view) b.setAttribute('aria-current', 'page')
    else b.removeAttribute('aria-current')
  }
  document.title = view === 'search' ? 'emblem' : `${$(`${view}-title`).textContent} – emblem`
  scrollTo(0, 0)
  if (view === 'search') {
    remember()
    if (focus) $('query').focus()
    return
  }
  history.replaceState(null, '', `#view=${view}`)
  if (focus) $(`${view}-title`).focus()
  openers[view]()
}

// ---- where to begin

const seen = 'emblem-welcome-seen'

// welcome offers the two ways to begin where there is nothing but the sample.
function welcome(libraries) {
  let before = false
  try { before = localStorage.getItem(seen) === '1' } catch { /* a browser that keeps nothing */ }
  $('welcome').hidden = before || libraries.some(l => l.name !== 'samples' && l.documents > 0)
}

function endWelcome() {
  $('welcome').hidden = true
  try { localStorage.setItem(seen, '1') } catch { /* a browser that keeps nothing */ }
  $('query').focus()
}

// ---- start

async function listLibraries(wanted) {
  const { data } = await api('GET', '/v1/libraries')
  const chosen = wanted || $('library').value
  $('library').replaceChildren(...data.map(l => element('option', { value: l.name, textContent: labelOf(l.name) })))
  if (data.some(l => l.name === chosen)) $('library').value = chosen
  for (const l of data) parts.set(l.name, l.parts || 0)
  welcome(data)
  return data
}

async function start() {
  try {
    const who = await api('GET', '/session')
    allowed.clear()
    for (const scope of who.scopes) allowed.add(scope)
    if (who.key_needed) return askForKey()
    const then = recall()
    showFilters()
    const data = await listLibraries(then.library)
    if (views.includes(then.view) && then.view !== 'search') return go(then.view)
    if (!data.length) return await wait()
    await Promise.all([loadFields(), restart()])
    if (data.every(l => !l.documents)) await wait()
  } catch (error) {
    say(error.message, true)
  }
}

// wait looks again until the sample is there, which a first start makes.
async function wait() {
  say('There is no library yet; the sample is being made.')
  for (let i = 0; i < 60; i++) {
    await new Promise(resolve => setTimeout(resolve, 500))
    const data = await listLibraries()
    if (data.some(l => l.documents)) {
      await Promise.all([loadFields(), restart()])
      return
    }
  }
  say('There is no library yet. Make one under Libraries, or with: emblem index FOLDER')
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

function changeLibrary() {
  query.chips = query.chips.filter(c => !c.document)
  query.filters = []
  askAbout(null)
  showChips()
  showFilters()
  loadFields()
  restart()
}

// ---- events

$('search').addEventListener('submit', event => { event.preventDefault(); restart() })
$('query').addEventListener('input', searchSoon)
$('query').addEventListener('keydown', event => {
  if (event.key === 'Backspace' && !$('query').value && query.chips.length) { query.chips.pop(); showChips(); restart() }
  if (event.key === 'ArrowDown') { event.preventDefault(); $('results').querySelector('button')?.focus() }
})
$('filter').addEventListener('input', searchSoon)
$('sort').addEventListener('change', show)
$('library').addEventListener('change', changeLibrary)
$('file').addEventListener('change', event => { addPicture(event.target.files[0], say); event.target.value = '' })
$('more').addEventListener('click', more)
$('copy').addEventListener('click', copyPaths)
$('zip').addEventListener('click', download)
$('like-selected').addEventListener('click', likeSelected)
$('clear').addEventListener('click', clearSelection)
$('similar').addEventListener('click', () => { $('detail').close(); likeOne(shownHit(), 1) })
$('without').addEventListener('click', () => { $('detail').close(); likeOne(shownHit(), -1) })
$('ask-hit').addEventListener('click', () => { $('detail').close(); askAbout({ document: shownHit().id }); go('question'); $('ask-question').focus() })
$('question-form').addEventListener('submit', ask)
$('ask-file').addEventListener('change', event => { askFile(event.target.files[0]); event.target.value = '' })
$('ask-whole').addEventListener('click', () => { askAbout(null); $('ask-question').focus() })
$('heat-toggle').addEventListener('click', toggleHeat)
listenToRegion(region => { $('detail').close(); likePart(shownHit(), region) })
$('narrow').addEventListener('click', () => {
  const open = $('columns').classList.toggle('narrowing')
  $('narrow').setAttribute('aria-expanded', String(open))
})
$('about').addEventListener('click', () => $('about-box').showModal())
$('login-form').addEventListener('submit', logIn)
$('create-form').addEventListener('submit', create)
$('index-form').addEventListener('submit', indexFolder)
$('views').addEventListener('click', event => { if (event.target.dataset.view) go(event.target.dataset.view) })
$('try-sample').addEventListener('click', () => { endWelcome(); $('query').value = 'a cat to the left of a red car'; restart() })
$('welcome-close').addEventListener('click', endWelcome)
$('try-photos').addEventListener('click', () => showPhotos(() => go('libraries')).catch(error => say(error.message, true)))
$('results').addEventListener('keydown', keys)
document.addEventListener('libraries', () => listLibraries().catch(() => {}))
document.addEventListener('search-in', event => {
  go('search')
  $('library').value = event.detail
  changeLibrary()
})

// take uses a picture that was dropped or pasted: to ask about it, or to search with it.
function take(file) {
  if (!$('view-question').hidden) return askFile(file)
  go('search')
  addPicture(file, say)
}

document.addEventListener('paste', event => {
  const file = [...event.clipboardData.files][0]
  if (file) { event.preventDefault(); take(file) }
})
let depth = 0
document.addEventListener('dragenter', event => { if (event.dataTransfer.types.includes('Files')) { depth++; $('drop').hidden = false } })
document.addEventListener('dragleave', () => { depth = Math.max(0, depth - 1); if (!depth) $('drop').hidden = true })
document.addEventListener('dragover', event => event.preventDefault())
document.addEventListener('drop', event => {
  event.preventDefault()
  depth = 0
  $('drop').hidden = true
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0])
})

document.addEventListener('keydown', event => {
  if (/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName) || document.querySelector('dialog[open]') || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === '/') { event.preventDefault(); go('search') }
  if (event.key === '?') { event.preventDefault(); $('about-box').showModal() }
  if (event.key === 'f' && !$('facets').hidden) {
    event.preventDefault()
    if ($('narrow').getAttribute('aria-expanded') === 'false' && $('narrow').offsetParent) $('narrow').click()
    $('facets').querySelector('button')?.focus()
  }
  if (/^[1-5]$/.test(event.key)) { event.preventDefault(); go(views[event.key - 1]) }
})

start()
