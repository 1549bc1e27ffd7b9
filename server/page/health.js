// Health: whether the models answer, what waits before them, and what memory is used.

import { $, api, bytes, count, element, span, tell } from './api.js'

const every = 2000
let timer = null

export async function showHealth() {
  stopHealth()
  await look()
  timer = setInterval(look, every)
}

export function stopHealth() {
  clearInterval(timer)
  timer = null
}

async function look() {
  try {
    const s = await api('GET', '/v1/status')
    const silent = s.models.filter(m => !m.answers).map(m => m.id)
    const verdict = s.ready ? 'All is well: every model answers.' : silent.length ? `${silent.join(', ')} does not answer.` : 'The server is shutting down.'
    if ($('verdict').textContent !== verdict) tell('verdict', verdict, !s.ready) // read out only when it changes
    $('verdict').classList.toggle('good', s.ready)
    tiles([
      ['version', s.version || 'a build of one’s own'], ['running for', span((Date.now() - Date.parse(s.started)) / 1000)],
      ['memory', s.memory.resident_bytes ? bytes(s.memory.resident_bytes) : 'not known'], ['of it Go’s heap', bytes(s.memory.heap_bytes)],
      ['jobs', s.running_jobs ? `${s.running_jobs} running` : 'none running']])
    $('health-models').replaceChildren(...s.models.map(entry))
  } catch (error) {
    tell('verdict', `The server cannot be asked: ${error.message}`, true)
    $('verdict').classList.remove('good')
  }
}

function tiles(entries) {
  $('health-facts').replaceChildren(...entries.map(([k, v]) => element('div', {}, element('dt', { textContent: k }), element('dd', { textContent: v }))))
}

function entry(m) {
  const checked = m.checked && !m.checked.startsWith('0001')
  const words = !m.answers ? 'does not answer; the server’s log says why' : checked ? `a word and a picture took ${m.canary_ms < 10 ? m.canary_ms.toFixed(1) : Math.round(m.canary_ms)} ms` : 'not asked yet'
  return element('li', { className: m.answers ? 'card' : 'card failed' }, element('h2', { textContent: m.id }), element('p', { className: 'soft', textContent: words }), queue('texts', m.texts), queue('pictures', m.images))
}

function queue(kind, q) {
  const meter = element('meter', { min: 0, max: q.room, value: q.waiting, high: q.room * 0.8, ariaLabel: `${kind} that wait` })
  const known = [`${count(q.computed, 'computed', 'computed')}`, q.cached && `${q.cached.toLocaleString('en')} remembered`, q.shared && `${q.shared.toLocaleString('en')} shared`, q.refused && `${q.refused.toLocaleString('en')} refused`, q.failed && `${q.failed.toLocaleString('en')} at fault`].filter(Boolean)
  return element('div', { className: 'queue' }, element('strong', { textContent: kind }), meter, element('span', { textContent: `${q.waiting} of ${q.room.toLocaleString('en')} wait` }), element('span', { className: 'soft', textContent: known.join(' · ') }))
}
