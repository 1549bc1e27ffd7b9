// One picture in full, and why it was found: where in it the model sees the words.

import { $, api, asDate, base, element, facts, nameOf, percent, thumbnail } from './api.js'
import { query, typed } from './query.js'
import { leaveRegion } from './region.js'

let shown = null

export const shownHit = () => shown

export function detail(hit, asked) {
  shown = hit
  $('detail-name').textContent = nameOf(hit)
  $('detail-picture').src = thumbnail(hit.id, 1280)
  const likely = hit.probability === null ? '' : `, ${percent(hit.probability)} likely to be what you meant`
  $('detail-why').textContent = asked ? `Found with cosine ${hit.score}${likely}.` : ''
  leaveRegion()
  const shownAs = (k, v) => k === 'taken' || k === 'added' ? asDate(v) : Array.isArray(v) ? v.join(', ') : String(v)
  facts($('detail-facts'), [['path', hit.path || hit.id], ...(hit.folded || []).map(id => ['looks the same', id]), ...Object.entries(hit.metadata || {}).map(([k, v]) => [k, shownAs(k, v)])])
  hideHeat()
  $('heat-row').hidden = !meant()
  $('detail').showModal()
}

// meant is what the query's words ask for; what is taken away is nowhere.
const meant = () => [...query.chips, ...typed()].filter(t => t.text && t.weight > 0).map(t => t.text).join(', ')

function hideHeat() {
  $('heat').hidden = true
  $('heat-words').textContent = ''
  $('heat-toggle').setAttribute('aria-pressed', 'false')
}

export async function toggleHeat() {
  if ($('heat-toggle').getAttribute('aria-pressed') === 'true') return hideHeat()
  const hit = shown
  const words = meant()
  $('heat-toggle').setAttribute('aria-pressed', 'true')
  try {
    const map = await api('GET', `${base()}/heat?id=${encodeURIComponent(hit.id)}&text=${encodeURIComponent(words)}`)
    await $('detail-picture').decode() // its size is the canvas's
    if (shown !== hit || $('heat-toggle').getAttribute('aria-pressed') !== 'true') return
    drawMap($('heat'), $('detail-picture'), map)
    const sentence = `The model sees “${words}” ${strongest(map)}.`
    $('heat').ariaLabel = sentence
    $('heat-words').textContent = `${sentence} Yellow is strong, blue weak.`
    $('heat').hidden = false
  } catch (error) {
    if (shown !== hit) return
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

// drawMap lays the map over the picture: blue veils what is weak, yellow marks
// what is strong, which differ in brightness too, and what is between shows
// through.
export function drawMap(canvas, picture, map) {
  const small = element('canvas', { width: map.width, height: map.height })
  const pen = small.getContext('2d')
  const cells = pen.createImageData(map.width, map.height)
  map.values.forEach((v, i) => cells.data.set(v < 0.5 ? [0, 32, 77, 400 * (0.5 - v)] : [255, 234, 70, 320 * (v - 0.5)], 4 * i))
  pen.putImageData(cells, 0, 0)
  canvas.width = picture.naturalWidth
  canvas.height = picture.naturalHeight
  const brush = canvas.getContext('2d')
  brush.imageSmoothingQuality = 'high'
  brush.drawImage(small, map.left * canvas.width, map.top * canvas.height, (map.right - map.left) * canvas.width, (map.bottom - map.top) * canvas.height)
}
