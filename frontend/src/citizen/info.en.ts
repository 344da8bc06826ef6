import type { zh } from './info.zh'

export const en: typeof zh = {
  help: {
    title: 'Help',
    safety: 'Safety',
    safetyList: {
      a: 'Wire on the ground: stay 8 metres away; if you are inside, hop away on one foot.',
      b: 'Somebody shocked: cut the power; if you cannot, push the wire off with dry wood, never pull with your hands; call 120.',
      c: 'Smoke at home: open the main switch, get everybody out; call 119.',
      d: 'Flood in the house: open the main switch first; have an electrician check before switching on.',
    },
    self: 'No power? Look at three things',
    selfList: {
      a: 'Do neighbours and street lights have power? If none do, it is the line.',
      b: 'Has the main switch tripped? Close it once; if it trips again, leave it.',
      c: 'Is the meter display lit? If it is, there may be arrears, or a fault behind the meter.',
    },
    papers: 'What to bring for a connection',
    papersText: 'Residents: identity card and proof of the home (a letter from the village or community will do). If one is missing we start anyway and you bring it later. What counts is the list our staff give you once and complete.',
    promises: 'Our promises',
    promisesLink: 'Time limits and where they come from',
    other: 'Still stuck',
    otherText: 'Call {number}, answered day and night. If you are not satisfied with us, call the National Energy Administration, 12398.',
  },
  privacy: {
    title: 'How we use your information',
    what: 'What we collect',
    whatText: 'Phone, address, what you write and your photos; name, account number and special needs are optional.',
    why: 'What for',
    whyText: 'Only to handle your request: find the place, contact you, tell you the outcome, and keep the record that the law asks for.',
    who: 'Who sees it',
    whoText: 'The people handling it. Each look at a full phone number needs a reason and is on record. Public outage information names areas, never homes.',
    photo: 'Photos',
    photoText: 'Photos are made smaller on your phone, and the position and other data in them are dropped.',
    device: 'On this phone',
    deviceText: 'Unsent requests, numbers you tracked and the access to them stay in this browser. On a shared phone please delete them when you are done.',
    rights: 'Your rights',
    rightsText: 'You may ask to see, correct or delete your information: call {number}. After deletion the record still proves that nothing was tampered with, but not who you are.',
  },
  access: {
    title: 'Accessibility',
    intro: 'There is one version for everybody, made to the rules for older and disabled people: large text, large buttons, strong contrast, no meaning by colour alone.',
    list: {
      a: 'Works with the keyboard alone; screen readers can read every step.',
      b: 'Can be enlarged to 200 % without sideways scrolling; follows the dark mode of the device.',
      c: 'No captcha, no advertising, no pop-ups.',
      d: 'Works without a network; it is sent when the network is back.',
    },
    trouble: 'If you have difficulties, call {number} and we fill it in for you.',
  },
}
