// Libraries: what there are, and what can be done to them.

import { $, allowed, api, baseOf, button, bytes, count, element, facts, span, tell } from './api.js'

const say = (words, bad = false) => tell('libraries-say', words, bad)
const followed = new Map() // event streams by job

// labelOf is a library's name for people.
export const labelOf = name => name === 'samples' ? 'Sample: illustrations' : name

// changed tells the rest of the page that there are other libraries now.
const changed = () => document.dispatchEvent(new Event('libraries'))

let shown = 0 // how often the list was asked for

export async function showLibraries() {
  const mine = ++shown
  const admin = allowed.has('admin')
  $('manage').hidden = !admin
  try {
    const [{ data }, jobs] = await Promise.all([api('GET', '/v1/libraries'), api('GET', '/v1/jobs')])
    if (mine !== shown) return // a later answer is newer
    $('library-names').replaceChildren(...data.map(l => element('option', { value: l.name })))
    $('library-list').replaceChildren(...data.map(l => entry(l, admin)))
    if (!data.length) say('There is no library yet.')
    jobs.data.filter(j => j.state === 'running').reverse().forEach(follow)
    if (admin && !$('folder-list').children.length) await browse('')
  } catch (error) {
    say(error.message, true)
  }
}

// refresh shows the list anew and tells the others.
async function refresh(words, bad) {
  await showLibraries()
  if (words) say(words, bad)
  changed()
}

function entry(l, admin) {
  const box = element('div', { className: 'more-facts', hidden: true })
  const updated = l.updated && !l.updated.startsWith('0001') ? `up to date ${new Date(l.updated).toLocaleString()}` : ''
  const facts = [count(l.documents, 'picture'), l.model || 'no model yet', updated].filter(Boolean).join(' · ')
  const search = button('Search', () => document.dispatchEvent(new CustomEvent('search-in', { detail: l.name })))
  const row = element('div', { className: 'row' }, search)
  if (admin) row.append(
    toggling(button('Stats', () => stats(l.name, box), { className: 'plain' }), box),
    button('Verify', () => verify(l.name), { className: 'plain' }),
    button('Duplicates', () => duplicates(l.name, box), { className: 'plain' }),
    button('Rename', () => rename(l.name), { className: 'plain' }),
    button('Delete', () => remove(l), { className: 'plain danger' }))
  row.querySelectorAll('button').forEach(b => { b.ariaLabel = `${b.textContent} ${l.name}` })
  const li = element('li', { className: 'card' }, element('h2', { textContent: labelOf(l.name) }), element('p', { className: 'soft', textContent: facts }), row, box)
  li.dataset.library = l.name
  return li
}

function toggling(b, box) {
  b.setAttribute('aria-expanded', 'false')
  new MutationObserver(() => b.setAttribute('aria-expanded', String(!box.hidden))).observe(box, { attributes: true, attributeFilter: ['hidden'] })
  return b
}

const failures = failed => Object.entries(failed || {}).map(([kind, n]) => `${n} ${kind.replaceAll('_', ' ')}`).join(', ')

async function stats(name, box) {
  if (!box.hidden) { box.hidden = true; return }
  try {
    const s = await api('GET', `${baseOf(name)}/stats`)
    const rows = [
      ['pictures', s.pictures.toLocaleString('en')], ['documents', s.documents.toLocaleString('en')],
      ...(s.gone ? [['vanished', `${s.gone}, kept for a while`]] : []), ...(failures(s.failed) ? [['unreadable', failures(s.failed)]] : []),
      ...s.spaces.map(x => [`space ${x.space}`, `${count(x.vectors, 'vector')} of ${x.dim} numbers, ${x.metric}`]),
      ['last write', s.seq], ['the past', `kept for ${span(s.retention_seconds)}${s.oldest_seq ? `, back to write ${s.oldest_seq}` : ''}`],
      ['disk', bytes(s.disk_bytes)], ...s.roots.map(r => ['folder', r])]
    box.replaceChildren(facts(element('dl'), rows))
    box.hidden = false
  } catch (error) {
    say(error.message, true)
  }
}

async function duplicates(name, box) {
  say(`Looking for what is nearly the same in ${name}…`)
  try {
    const d = await api('POST', `${baseOf(name)}/duplicates`, { limit: 50 })
    say(d.total_groups ? `${count(d.total_groups, 'group')} of ${count(d.total_documents, 'document')} are nearly the same.` : `Nothing in ${name} is nearly the same.`)
    box.replaceChildren(...d.groups.map(g => element('div', { className: 'group' }, ...g.ids.slice(0, 12).map(id => {
      const img = element('img', { src: `${baseOf(name)}/thumbnail?size=160&id=${encodeURIComponent(id)}`, alt: id, title: id, loading: 'lazy' })
      return img
    }), element('span', { className: 'soft', textContent: `${count(g.ids.length, 'picture')}, cosine from ${g.least_cosine.toFixed(3)}` }))))
    box.hidden = !d.groups.length
  } catch (error) {
    say(error.message, true)
  }
}

async function verify(name) {
  try {
    begin(await api('POST', `${baseOf(name)}/verify`, {}))
  } catch (error) {
    say(error.message, true)
  }
}

// ---- questions before something is done

let answered // takes the answer to the last question

// ask opens a dialog and waits for its answer: null if it was no.
function ask(title, text, yes, name) {
  answered?.(null)
  $('ask-title').textContent = title
  $('ask-text').textContent = text
  $('ask-yes').textContent = yes
  $('ask-yes').classList.toggle('danger', name === undefined)
  $('ask-label').hidden = name === undefined
  $('ask-name').required = name !== undefined
  $('ask-name').value = name || ''
  $('ask').returnValue = 'no'
  $('ask').showModal()
  if (name === undefined) $('ask-no').focus()
  else $('ask-name').select()
  return new Promise(resolve => { answered = resolve })
}

// The event comes a moment after the dialog has closed; by then it may be open again.
$('ask').addEventListener('close', () => {
  if (!$('ask').open) answered?.($('ask').returnValue === 'yes' ? $('ask-name').value || true : null)
})

async function rename(name) {
  const to = await ask(`Rename ${name}`, 'Its pictures and vectors stay as they are.', 'Rename', name)
  if (!to || to === name) return
  try {
    await api('PATCH', baseOf(name), { name: to })
    await refresh(`${name} is called ${to} now.`)
  } catch (error) {
    say(error.message, true)
  }
}

async function remove(l) {
  const sure = await ask(`Delete the library ${l.name}?`, `What it knows of ${count(l.documents, 'picture')} is deleted and cannot be brought back but from a backup. The pictures themselves stay where they are.`, 'Delete')
  if (!sure) return
  try {
    await api('DELETE', baseOf(l.name))
    await refresh(`The library ${l.name} is deleted.`)
  } catch (error) {
    say(error.message, true)
  }
}

export async function create(event) {
  event.preventDefault()
  const name = $('create-name').value
  try {
    await api('POST', '/v1/libraries', { name })
    $('create-name').value = ''
    await refresh(`The library ${name} is made.`)
  } catch (error) {
    say(error.message, true)
  }
}

// ---- folders

let folder = ''

// browse shows the folders in one, or the outermost ones.
async function browse(path, up = []) {
  const list = await api('GET', `/v1/folders?path=${encodeURIComponent(path)}`)
  folder = path
  $('no-root').hidden = !!path || list.folders.length > 0
  $('index-fields').hidden = !$('no-root').hidden
  $('folder-now').textContent = path
  $('index-start').disabled = !path
  const rows = list.folders.map(f => element('li', {}, button(f.name, () => enter(f.path, [...up, path]), { className: 'quiet folder' })))
  if (path) rows.unshift(element('li', {}, button('↑ back', () => enter(up.at(-1), up.slice(0, -1)), { className: 'quiet folder' })))
  $('folder-list').replaceChildren(...rows)
}

async function enter(path, up) {
  try {
    await browse(path, up)
    $('folder-list').querySelector('button')?.focus()
  } catch (error) {
    say(error.message, true)
  }
}

export async function indexFolder(event) {
  event.preventDefault()
  const name = $('index-library').value
  try {
    const job = await api('POST', `${baseOf(name)}/folders`, { path: folder })
    say('')
    begin(job)
  } catch (error) {
    say(error.message, true)
  }
}

// ---- jobs

// begin follows a job that was just asked for, where it is seen.
const begin = job => follow(job)?.scrollIntoView({ block: 'nearest' })

// follow shows a job and listens to what becomes of it.
function follow(job) {
  if (followed.has(job.id)) return null
  const bar = element('progress', { ariaLabel: `Progress of ${job.library}` })
  const words = element('span', { className: 'soft', role: 'status' })
  const stop = button('Cancel', () => api('DELETE', `/v1/jobs/${job.id}`).catch(error => say(error.message, true)), { className: 'plain', ariaLabel: `Cancel the job of ${job.library}` })
  const title = `${job.kind === 'verify' ? 'Checking' : 'Indexing into'} ${job.library}`
  const li = element('li', { className: 'card job' }, element('strong', { textContent: title }), bar, words, allowed.has('admin') ? stop : null)
  li.dataset.job = job.id
  $('jobs').prepend(li)
  $('jobs-box').hidden = false
  const events = new EventSource(`/v1/jobs/${job.id}/events`)
  followed.set(job.id, events)
  const hear = event => {
    const now = JSON.parse(event.data)
    bar.max = now.total || 1
    if (now.total || now.state !== 'running') bar.value = now.state === 'running' ? now.done : bar.max
    words.textContent = jobWords(now)
    if (now.state === 'running') return
    li.classList.add(now.state)
    events.close()
    stop.remove()
    if (now.kind === 'index') refresh()
  }
  for (const state of ['running', 'done', 'failed', 'cancelled']) events.addEventListener(state, hear)
  return li
}

function jobWords(job) {
  const r = job.result
  switch (job.state) {
    case 'running': return job.total ? `${job.done.toLocaleString('en')} of ${job.total.toLocaleString('en')}` : 'looking around…'
    case 'failed': return job.error
    case 'cancelled': return 'cancelled; what was done stays'
  }
  if (job.kind === 'verify') return r.sound ? `sound: ${count(r.documents, 'document')}, ${count(r.vectors, 'vector')}` : [...r.findings, ...r.derived].join('; ')
  const parts = [r.added && `${r.added} added`, r.updated && `${r.updated} updated`, r.unchanged && `${r.unchanged} unchanged`, failures(r.failed)].filter(Boolean)
  return `done${parts.length ? `: ${parts.join(', ')}` : ''}`
}
