// The signs, drawn for Latchkey on a 24 grid with one stroke. They never speak:
// a word stands beside each.
const paths = {
  back: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  stop: 'M12 3.5l9.2 16.5H2.8zM12 10v4.5M12 17.2v.3',
  wait: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2',
  info: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.6v.3',
  key: 'M15.5 3.5a5 5 0 0 0-4.8 6.4L3.5 17v3.5H7v-2.2h2.2v-2.2h2.2l2-2a5 5 0 1 0 2.1-10.6zM16.8 7.2v.2',
  pen: 'M4 20l1-4L16.5 4.5a2 2 0 0 1 3 3L8 19z',
  once: 'M4 8.5h16v8H4zM8 12.5h.2M12 12.5h.2M16 12.5h.2',
  unlock: 'M6 10.5h12v9H6zM9 10.5V7.2a3.4 3.4 0 0 1 6.6-1.1M12 14v2.5',
  phone: 'M7.5 3.5h9v17h-9zM11 17.8h2',
  laptop: 'M5.5 5h13v10h-13zM3 19h18',
  call: 'M6.5 3.8l2.6-.6 1.7 4.2-2 1.6a12 12 0 0 0 6.2 6.2l1.6-2 4.2 1.7-.6 2.6a2 2 0 0 1-2 1.5A15.7 15.7 0 0 1 5 5.8a2 2 0 0 1 1.5-2z',
  chat: 'M4 5h16v11.5h-9L6.5 20v-3.5H4zM8.5 9.5h7M8.5 12.5h4',
  pin: 'M5.5 3.5h13v17h-13zM9 8.2h.2M12 8.2h.2M15 8.2h.2M9 12h.2M12 12h.2M15 12h.2M9 15.8h.2M12 15.8h.2M15 15.8h.2',
  mail: 'M3.5 6h17v12.5h-17zM4 7l8 6 8-6',
  eye: 'M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z',
  eyeOff: 'M4 4l16 16M9.8 6.1a9 9 0 0 1 2.2-.3c6 0 9.5 6.2 9.5 6.2a16 16 0 0 1-2.9 3.5M6.3 7.5A15.5 15.5 0 0 0 2.5 12S6 18.2 12 18.2a9.4 9.4 0 0 0 4-.9',
  copy: 'M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4',
  inbox: 'M4 13.5L6.5 5h11L20 13.5V19H4zM4 13.5h4.5l1.2 2.5h4.6l1.2-2.5H20',
  bell: 'M6 16.5c1.2-1.4 1.5-3 1.5-6a4.5 4.5 0 0 1 9 0c0 3 .3 4.6 1.5 6zM10.3 19.5h3.4M12 3.5v2.3',
  share: 'M12 3.5v11M8.3 7L12 3.5 15.7 7M8 10.5H5.5v10h13v-10H16',
  tile: 'M5 5h14v14H5zM12 8.7v6.6M8.7 12h6.6',
  list: 'M4 6.5h16M4 12h16M4 17.5h10',
  box: 'M4 8.5l8-4.5 8 4.5v7.5l-8 4.5-8-4.5zM4.3 8.6L12 13l7.7-4.4M12 13v7.2',
  out: 'M10 4.5H5.5v15H10M14.5 8l4 4-4 4M18 12H9.5',
  globe: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.8 12h16.4M12 3.5c5 5.5 5 11.5 0 17M12 3.5c-5 5.5-5 11.5 0 17',
  help: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.6 9.6a2.5 2.5 0 1 1 3.4 2.3c-.7.3-1 .8-1 1.7M12 16.4v.3',
  user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c.8-3.6 3.7-5.4 7.5-5.4s6.7 1.8 7.5 5.4',
  plus: 'M12 5v14M5 12h14',
  cloud: 'M7 18.5a4 4 0 0 1-.4-8 5.5 5.5 0 0 1 10.7-1 4.5 4.5 0 0 1-.3 9z',
  offline: 'M4 4l16 16M8.5 15.5a5 5 0 0 1 6.6-.4M5.3 12.2a9.6 9.6 0 0 1 4-2.3M13.6 9.6a9.6 9.6 0 0 1 5.1 2.6M2.5 9a13.6 13.6 0 0 1 3.9-2.5M10.5 5.3A13.7 13.7 0 0 1 21.5 9M12 19v.2',
  dot: 'M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
};

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

const KEYHOLE = 'M21.5 6.5a9 9 0 0 0-5.5 16.2v15.8h11V22.7a9 9 0 0 0-5.5-16.2z';

/** The mark: a keyhole whose lower part is an open door. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <rect class="plate" width="48" height="48" rx="11" />
      <path class="hole" d={KEYHOLE} />
      <path class="leaf" d="M28.6 22.8l7.9 4.4V43l-7.9-4.5z" />
    </svg>
  );
}

/** The mark as a sign: shut when stopped, open when the way is free. */
export function Door({ open }: { open: boolean }) {
  return (
    <svg class={open ? 'door is-open' : 'door'} viewBox="9 4 31 41" aria-hidden="true" focusable="false">
      <path class="hole" d={KEYHOLE} />
      <rect class="leaf" x="28.6" y="22.8" width="7.9" height="15.7" />
    </svg>
  );
}
