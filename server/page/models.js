// Models: what is loaded and what it knows, and what photographs need.

import { $, allowed, api, bytes, button, commandLine, count, element, facts, tell } from './api.js'

export async function showModels() {
  try {
    const [models, libraries, more] = await Promise.all([api('GET', '/v1/models'), api('GET', '/v1/libraries'), api('GET', '/v1/suggestions')])
    $('model-list').replaceChildren(...models.data.map((m, i) => entry(m, libraries.data.filter(l => l.model === m.id).map(l => l.name), i === 0)))
    tell('models-say', models.data.length ? '' : 'No model is loaded. Start the server with --model NAME.')
    const have = new Set(models.data.map(m => m.id.toLowerCase()))
    const others = more.suggestions.filter(s => !have.has(s.model.toLowerCase()))
    $('suggestion-list').replaceChildren(...others.map(s => suggestion(s)))
    $('suggested').hidden = !others.length
  } catch (error) {
    tell('models-say', error.message, true)
  }
}

const sentence = text => text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.') : ''

function entry(m, libraries, first) {
  const c = m.card || {}
  const rows = [
    ['licence', c.licence || 'not known here; its folder says'],
    ['vectors', `${m.dimensions} numbers`],
    ...(c.parameters ? [['size', `${(c.parameters / 1e6).toFixed(1)} million weights${m.bytes ? `, ${bytes(m.bytes)}` : ''} as ${c.dtype}`]] : []),
    ['memory', m.loaded ? 'loaded' : 'not in memory; the next request brings it there'],
    ...(c.image_side ? [['sees', `pictures at ${c.image_side} pixels a side`]] : []),
    ...(c.text_tokens ? [['reads', `texts of up to ${c.text_tokens} tokens`]] : []),
    ['libraries', libraries.join(', ') || 'none']]
  return element('li', { className: 'card' }, element('h2', { textContent: m.id }),
    element('p', { textContent: sentence(c.knows) }), first ? element('p', { className: 'soft', textContent: 'Answers requests that name no model.' }) : null, facts(element('dl'), rows))
}

function suggestion(s, folder = 'FOLDER') {
  const size = bytes(s.bytes)
  return element('li', { className: 'card' }, element('h2', { textContent: s.model }), element('p', { textContent: sentence(s.knows) }),
    facts(element('dl'), [['to fetch', size], ['licence', s.licence], ['time', s.time]]),
    commandLine(`emblem pull ${s.model}`), commandLine(`emblem index --model ${s.model} ${folder}`))
}

// showPhotos says what it takes to search photographs.
export async function showPhotos(toLibraries) {
  const [models, more] = await Promise.all([api('GET', '/v1/models'), api('GET', '/v1/suggestions')])
  const ready = models.data.filter(m => !m.id.startsWith('builtin/'))
  const parts = []
  if (ready.length) {
    parts.push(element('p', { textContent: `${ready[0].id} is loaded: index a folder with it and search.` }))
    if (allowed.has('admin')) parts.push(button('Choose a folder…', () => { $('photos').close(); toLibraries() }))
    else parts.push(commandLine(`emblem index --model ${ready[0].id} ~/Pictures`))
  } else if (more.suggestions.length) {
    parts.push(element('p', { textContent: `The built-in model knows illustrations only. Photographs need a model of their own, fetched once; pictures and searches never leave this machine.` }),
      element('ul', { className: 'list' }, suggestion(more.suggestions[0], '~/Pictures')),
      element('p', { className: 'soft', textContent: `Stop the server, run the two commands, and start it again: emblem serve. ${count(more.suggestions.length - 1, 'other model')} under Models.` }))
  } else {
    parts.push(element('p', { textContent: 'Fetch a model for photographs, index a folder with it, and start the server again.' }))
  }
  $('photos-text').replaceChildren(...parts)
  $('photos').showModal()
}
