// Questions: about one picture, dropped, pasted or from a hit, or about a whole library.

import { $, allowed, api, askForKey, base, button, element, library, nameOf, percent, Refusal, tell, thumbnail } from './api.js'
import { drawMap } from './detail.js'

let about = null // {image} a data URL, or {document}; null asks the library
let running = null

const say = (words, bad = false) => tell('ask-say', words, bad)

export function showAsk() {
  $('ask-scope').textContent = about ? 'About this picture' : `About all pictures of ${library() || 'the library'}`
  $('ask-shown').hidden = !about
  $('ask-whole').hidden = !about
}

// askAbout makes a picture the one that is asked about: a file, or a hit.
export function askAbout(what) {
  running?.abort()
  about = what
  $('turns').replaceChildren()
  say('')
  hideMap()
  if (about) $('ask-picture').src = about.image || thumbnail(about.document, 1280)
  showAsk()
}

export function askFile(file) {
  if (!file?.type.startsWith('image/')) return say('That is no picture.', true)
  const reader = new FileReader()
  reader.onload = () => { askAbout({ image: reader.result }); $('ask-question').focus() }
  reader.onerror = () => say('The picture cannot be read.', true)
  reader.readAsDataURL(file)
}

function hideMap() {
  $('ask-heat').hidden = true
}

// ask sends a question and shows what comes: a first answer, then a better one.
export async function ask(event) {
  event?.preventDefault()
  const question = $('ask-question').value.trim()
  if (!question) return
  running?.abort()
  const mine = running = new AbortController()
  const turn = element('li', { className: 'turn card' }, element('p', { className: 'asked', textContent: question }), element('div', { className: 'answered' }))
  $('turns').append(turn)
  $('ask-question').value = ''
  hideMap()
  say('Looking…')
  try {
    const body = { question, library: library() || undefined, ...(about || {}), stream: true, evidence: !!about, counterfactual: !!about }
    await stream(body, mine.signal, answer => show(turn, question, answer))
    say('')
  } catch (error) {
    if (error.name === 'AbortError') return turn.remove()
    turn.querySelector('.answered').replaceChildren(element('p', { className: 'bad', textContent: error.message }))
    say('')
  }
}

// stream reads server-sent events of an answer.
async function stream(body, signal, each) {
  const response = await fetch('/v1/ask', { method: 'POST', signal, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  if (response.status === 401) askForKey()
  if (!response.ok) throw new Refusal(response.status, (await response.json().catch(() => null))?.error)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    text += value
    const events = text.split('\n\n')
    text = events.pop()
    for (const e of events) {
      if (e === 'data: [DONE]') return
      const answer = JSON.parse(e.slice(6))
      if (answer.error) throw new Refusal(500, answer.error)
      each(answer)
    }
  }
}

function show(turn, question, answer) {
  const box = turn.querySelector('.answered')
  turn.classList.toggle('partial', !!answer.partial)
  const parts = [element('p', { className: 'answer', textContent: answer.answer })]
  if (answer.correction) parts.push(element('p', { className: 'soft', textContent: 'As somebody corrected it.' }))
  if (answer.count) parts.push(element('p', { className: 'soft', textContent: `${answer.count.inspected} of ${answer.count.of} pictures inspected.` }))
  else if (answer.answers.length > 1) parts.push(bars(answer.answers.slice(0, 4)))
  if (answer.counterfactual) parts.push(element('p', { className: 'soft', textContent: `Without what the answer was seen by: ${answer.counterfactual.answer}.` }))
  if (answer.annotations?.length) parts.push(sources(answer.annotations))
  if (!answer.partial) parts.push(actions(question, answer))
  box.replaceChildren(...parts)
}

function bars(answers) {
  return element('ul', { className: 'chances', ariaLabel: 'Alternatives' }, ...answers.map(a =>
    element('li', {}, element('span', { className: 'label', textContent: a.answer }), element('meter', { min: 0, max: 1, value: a.probability, ariaLabel: a.answer }), element('span', { className: 'number', textContent: percent(a.probability) }))))
}

function sources(list) {
  return element('ul', { className: 'sources', ariaLabel: 'Sources' }, ...list.map(x => {
    const open = button('', () => { askAbout({ document: x.id }); $('ask-question').focus() }, { ariaLabel: `Ask about ${nameOf(x)}: ${x.answer}`, className: 'plain' })
    open.append(element('img', { src: thumbnail(x.id, 320), alt: '', loading: 'lazy' }), element('span', { textContent: `${x.answer}, ${percent(x.probability)}` }))
    return element('li', {}, open)
  }))
}

function actions(question, answer) {
  const row = element('div', { className: 'row' })
  if (answer.evidence) {
    const toggle = button('Where?', () => {
      const on = toggle.getAttribute('aria-pressed') !== 'true'
      for (const other of document.querySelectorAll('#turns .where')) other.setAttribute('aria-pressed', 'false')
      toggle.setAttribute('aria-pressed', String(on))
      on ? showMap(answer.evidence) : hideMap()
    }, { className: 'plain small where' })
    toggle.setAttribute('aria-pressed', 'false')
    row.append(toggle)
  }
  if (about && library() && allowed.has('write')) row.append(button('Correct this', () => correct(row, question), { className: 'plain small' }))
  return row
}

async function showMap(evidence) {
  await $('ask-picture').decode().catch(() => {})
  drawMap($('ask-heat'), $('ask-picture'), evidence)
  drawBoxes($('ask-heat'), evidence)
  $('ask-heat').ariaLabel = `Where the model sees “${evidence.of}”`
  $('ask-heat').hidden = false
  say(`Where the model sees “${evidence.of}”: yellow is strong, blue weak.`)
}

// drawBoxes frames what is strong: dark beside light, to be seen on any picture. Boxes are
// in pixels of the file; what is shown may be a thumbnail of it.
function drawBoxes(canvas, { boxes, picture }) {
  const brush = canvas.getContext('2d')
  const line = Math.max(2, canvas.width / 200)
  const x = canvas.width / picture[0]
  const y = canvas.height / picture[1]
  for (const [left, top, width, height] of boxes) {
    for (const [colour, thick] of [['#00204d', 2 * line], ['#ffea46', line]]) {
      brush.strokeStyle = colour
      brush.lineWidth = thick
      brush.strokeRect(left * x, top * y, width * x, height * y)
    }
  }
}

// correct asks for the right answer and keeps it; it can be taken back at once.
function correct(row, question) {
  const picture = about
  const field = element('input', { required: true, maxLength: 200, ariaLabel: 'The right answer' })
  const form = element('form', { className: 'row' }, field, element('button', { className: 'small', textContent: 'Keep it' }))
  form.onsubmit = async event => {
    event.preventDefault()
    try {
      const kept = await api('POST', `${base()}/corrections`, { question, answer: field.value, ...picture })
      const undo = button('Take it back', async () => {
        try {
          await api('DELETE', `${base()}/corrections/${encodeURIComponent(kept.id)}`)
          undo.replaceWith('Taken back.')
        } catch (error) { say(error.message, true) }
      }, { className: 'plain small' })
      form.replaceWith(element('p', { className: 'kept' }, `Kept: ${kept.answer}. `, undo))
    } catch (error) { say(error.message, true) }
  }
  row.replaceChildren(form)
  field.focus()
}
