import { ref, watch } from 'vue'

/** A tone when orders come in: off until somebody wants it, then on in this browser. */
const KEPT = 'lightkeeper.office.sound'

export const soundOn = ref(localStorage.getItem(KEPT) === 'on')
watch(soundOn, (on) => {
  localStorage.setItem(KEPT, on ? 'on' : 'off')
})

let context: AudioContext | undefined

/** Two short tones, made here: no file to fetch. A browser that wants a press first stays silent until one. */
export function ring(): void {
  if (!soundOn.value) return
  context ??= new AudioContext()
  const { currentTime: begin, destination } = context
  void context.resume()
  const volume = context.createGain()
  volume.connect(destination)
  volume.gain.setValueAtTime(0.12, begin)
  volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.5)
  for (const [pitch, after] of [[660, 0], [880, 0.18]] as const) {
    const tone = context.createOscillator()
    tone.frequency.value = pitch
    tone.connect(volume)
    tone.start(begin + after)
    tone.stop(begin + after + 0.25)
  }
}
