import { computed, ref } from 'vue'

/** What the browser believes; it is often wrong, so what our own requests met counts too. */
const believed = ref(navigator.onLine)
const answered = ref(true)

addEventListener('online', () => {
  believed.value = true
  answered.value = true
})
addEventListener('offline', () => {
  believed.value = false
})

/** Whether there seems to be a network: for words on a page only, never to decide whether to try. */
export const online = computed(() => believed.value && answered.value)

/** Tell whether the last request was answered by the server. */
export function noteAnswer(reached: boolean): void {
  answered.value = reached
}
