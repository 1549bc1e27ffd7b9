// A part of the picture in the detail view, drawn as a box, to search by. With the keys,
// arrows move the box, with Shift they size it, and the button searches.

import { $ } from './api.js'

let box = null // x, y, width, height, in fractions of the picture
let from = null // where the pointer went down
let found = () => {}

const cutting = () => $('region-toggle').getAttribute('aria-pressed') === 'true'
const within = (low, x, high) => Math.min(high, Math.max(low, x))

// shownAt is where the picture lies in its element, which may be larger.
function shownAt() {
  const picture = $('detail-picture')
  const frame = picture.getBoundingClientRect()
  const scale = Math.min(frame.width / picture.naturalWidth, frame.height / picture.naturalHeight) || 1
  const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale]
  return { left: frame.left + (frame.width - width) / 2, top: frame.top + (frame.height - height) / 2, width, height }
}

function place(event) {
  const at = shownAt()
  return [within(0, (event.clientX - at.left) / at.width, 1), within(0, (event.clientY - at.top) / at.height, 1)]
}

function draw() {
  const region = $('region')
  region.hidden = !box
  if (!box) return
  const at = shownAt()
  const outer = $('detail-figure').getBoundingClientRect()
  const [x, y, w, h] = box
  Object.assign(region.style, { left: `${at.left - outer.left + x * at.width}px`, top: `${at.top - outer.top + y * at.height}px`, width: `${w * at.width}px`, height: `${h * at.height}px` })
}

export function leaveRegion() {
  box = from = null
  $('region-toggle').setAttribute('aria-pressed', 'false')
  $('region-toggle').textContent = 'Search a part'
  $('detail-figure').classList.remove('cutting')
  $('region-words').textContent = ''
  draw()
}

function begin() {
  if (cutting()) return search()
  box = [0.25, 0.25, 0.5, 0.5]
  $('region-toggle').setAttribute('aria-pressed', 'true')
  $('region-toggle').textContent = 'Search this part'
  $('detail-figure').classList.add('cutting')
  $('region-words').textContent = 'Draw a box on the picture; or move it with the arrow keys, size it with Shift and them.'
  draw()
}

function move(event) {
  if (!from) return
  const [x, y] = place(event)
  box = [Math.min(x, from[0]), Math.min(y, from[1]), Math.abs(x - from[0]), Math.abs(y - from[1])]
  draw()
}

function end(event) {
  if (!from) return
  move(event)
  from = null
  if (box[2] > 0.02 && box[3] > 0.02) search()
}

function search() {
  const region = box
  leaveRegion()
  found(region)
}

const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

function keys(event) {
  if (!cutting()) return
  const step = steps[event.key]
  if (!step) return
  event.preventDefault()
  const at = event.shiftKey ? 2 : 0
  for (const i of [0, 1]) {
    const room = event.shiftKey ? 1 - box[i] : 1 - box[2 + i]
    box[at + i] = within(event.shiftKey ? 0.05 : 0, box[at + i] + step[i] * 0.05, room)
  }
  draw()
}

// listenToRegion calls search with every box that is drawn.
export function listenToRegion(search) {
  found = search
  const figure = $('detail-figure')
  $('region-toggle').addEventListener('click', begin)
  $('region-toggle').addEventListener('keydown', keys)
  figure.addEventListener('pointerdown', event => {
    if (!cutting()) return
    event.preventDefault()
    from = place(event)
    figure.setPointerCapture(event.pointerId)
  })
  figure.addEventListener('pointermove', move)
  figure.addEventListener('pointerup', end)
  addEventListener('resize', draw)
}
