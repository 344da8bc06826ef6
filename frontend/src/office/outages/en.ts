import type { zh } from './zh'

export const en: typeof zh = {
  line: {
    title: 'One-line diagram',
    help: 'Arrow keys move, right unfolds, left folds, Enter opens.',
    state: { live: 'live', dark: 'dark', open: 'open', suspect: 'suspect', fault: 'fault' },
    kind: {
      source: 'Source',
      breaker: 'Breaker',
      switch: 'Switch',
      load_switch: 'Load switch',
      load_break_switch: 'Load-break switch',
      disconnector: 'Disconnector',
      recloser: 'Recloser',
      fuse: 'Fuse',
      line: 'Line',
      cable: 'Cable',
      reactor: 'Reactor',
      transformer: 'Transformer',
      load: 'Supply point',
    },
    households: '{n} households',
    darkOf: '{dark} of {n} households dark',
    lines: '{n} lines in a row',
    folded: '{n} folded',
    tie: 'to {to}',
    zoomIn: 'Larger',
    zoomOut: 'Smaller',
    whole: 'Normal size',
    none: 'There is no diagram of this feeder',
    noneText: 'It shows once the network is imported.',
  },
}
