import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What `sambadc --ready` writes. */
export interface Controller {
  ldaps_url: string;
  ca_file: string;
  base_dn: string;
  admin_bind: string;
  admin_password: string;
  service_bind: string;
  service_password: string;
}

export interface Person {
  account: string;
  dn: string;
  upn: string;
  password: string;
  name: string;
}

/** The directory as everybody else sees it: OpenLDAP's own tools, nothing of Latchkey. */
export class Directory {
  /** files is the folder that sambadc keeps the controller in. */
  constructor(readonly dc: Controller, private readonly files: string) {}

  /** Binds as a person. code is AD's sub-code ("775"), "" when the bind is good. */
  bind(person: Person, password: string): { ok: boolean; code: string } {
    const r = this.tool('ldapsearch', person.upn, password, ['-b', '', '-s', 'base', 'dnsHostName'], '');
    if (r.status === 0) return { ok: true, code: '' };
    const code = /data ([0-9a-f]+)/.exec(r.stderr)?.[1];
    if (code === undefined) throw new Error(`bind as ${person.account}: ${r.stderr}`);
    return { ok: false, code };
  }

  /** Makes a person below OU=Staff, with a password that is not to be changed. */
  add(account: string, options: { given: string; surname: string; department?: string; ou?: string; manager?: Person; title?: string; more?: Record<string, string> }): Person {
    const name = `${options.given} ${options.surname}`;
    const dn = `CN=${name} ${account},${options.ou ?? 'OU=Staff'},${this.dc.base_dn}`;
    const domain = this.dc.base_dn.toLowerCase().replaceAll('dc=', '').replaceAll(',', '.');
    const password = `Start-${account}-26!x`;
    this.apply([
      `dn: ${dn}`, 'changetype: add', 'objectClass: user', `sAMAccountName: ${account}`, `userPrincipalName: ${account}@${domain}`,
      `displayName: ${name}`, `givenName: ${options.given}`, `sn: ${options.surname}`, `department: ${options.department ?? 'Workshop'}`,
      `mail: ${account}@${domain}`, 'userAccountControl: 512', `unicodePwd:: ${unicodePwd(password)}`,
      ...(options.manager ? [`manager: ${options.manager.dn}`] : []), ...(options.title ? [`title: ${options.title}`] : []),
      ...Object.entries(options.more ?? {}).map(([attribute, value]) => `${attribute}: ${value}`),
    ]);
    return { account, dn, upn: `${account}@${domain}`, password, name };
  }

  group(name: string): void {
    this.apply([`dn: CN=${name},CN=Users,${this.dc.base_dn}`, 'changetype: add', 'objectClass: group', `sAMAccountName: ${name}`]);
  }

  join(group: string, person: Person): void {
    this.apply([`dn: CN=${group},CN=Users,${this.dc.base_dn}`, 'changetype: modify', 'add: member', `member: ${person.dn}`]);
  }

  /** Wrong binds until the directory says that the account is locked. */
  lock(person: Person): void {
    for (let i = 0; i < 20; i++) {
      if (this.bind(person, `wrong-${i}-Xy`).code === '775') return;
    }
    throw new Error(`${person.account} did not lock`);
  }

  replace(person: Person, attribute: string, value: string | Buffer): void {
    this.apply([`dn: ${person.dn}`, 'changetype: modify', `replace: ${attribute}`, `${attribute}:: ${Buffer.from(value).toString('base64')}`]);
  }

  /** Gives a person the photo that Ada of the seed has. */
  photo(person: Person): void {
    const r = this.tool('ldapsearch', this.dc.admin_bind, this.dc.admin_password, ['-LLL', '-o', 'ldif-wrap=no', '-b', this.dc.base_dn, 'sAMAccountName=ada', 'thumbnailPhoto'], '');
    this.replace(person, 'thumbnailPhoto', Buffer.from(/^thumbnailPhoto:: (.*)$/m.exec(r.stdout)?.[1] ?? '', 'base64'));
  }

  /** A policy of the person's own, under which a password lives this long. Returns its end. */
  passwordLives(person: Person, seconds: number): () => void {
    const dn = `CN=lives-${person.account},CN=Password Settings Container,CN=System,${this.dc.base_dn}`;
    this.apply([
      `dn: ${dn}`, 'changetype: add', 'objectClass: msDS-PasswordSettings', `msDS-PSOAppliesTo: ${person.dn}`, 'msDS-PasswordSettingsPrecedence: 5',
      'msDS-MinimumPasswordLength: 8', 'msDS-PasswordHistoryLength: 3', 'msDS-PasswordComplexityEnabled: TRUE', 'msDS-PasswordReversibleEncryptionEnabled: FALSE',
      'msDS-MinimumPasswordAge: 0', `msDS-MaximumPasswordAge: -${seconds}0000000`,
      'msDS-LockoutThreshold: 5', 'msDS-LockoutDuration: -18000000000', 'msDS-LockoutObservationWindow: -18000000000',
    ]);
    return () => { this.apply([`dn: ${dn}`, 'changetype: delete']); };
  }

  /** The password was set years ago: past the rules of LDAP, by the controller's own tool. */
  passwordExpired(person: Person): void {
    const r = spawnSync('ldbmodify', [
      '-H', join(this.files, 'private/sam.ldb'), `--configfile=${join(this.files, 'etc/smb.conf')}`, '--controls=local_oid:1.3.6.1.4.1.7165.4.3.12:0',
    ], { input: `dn: ${person.dn}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 133000000000000000\n`, encoding: 'utf8', timeout: 30_000 });
    if (r.status !== 0) throw new Error(`ldbmodify: ${r.stderr}`);
  }

  /** Sign-in is refused now and for the next ten hours, and allowed at any other time. */
  outsideHours(person: Person, now = new Date()): void {
    const hours = Buffer.alloc(21, 0xff); // one bit an hour, from Sunday 00:00 UTC
    const first = now.getUTCDay() * 24 + now.getUTCHours();
    for (let h = first; h < first + 10; h++) hours[((h % 168) / 8) | 0]! &= ~(1 << (h % 8));
    this.replace(person, 'logonHours', hours);
  }

  /** A fine-grained policy of one person's own: a least length, and otherwise mild. */
  policy(name: string, person: Person, minLength: number): void {
    const day = -864_000_000_000;
    this.apply([
      `dn: CN=${name},CN=Password Settings Container,CN=System,${this.dc.base_dn}`, 'changetype: add', 'objectClass: msDS-PasswordSettings',
      'msDS-PasswordSettingsPrecedence: 10', 'msDS-PasswordReversibleEncryptionEnabled: FALSE', 'msDS-PasswordHistoryLength: 3',
      'msDS-PasswordComplexityEnabled: TRUE', `msDS-MinimumPasswordLength: ${minLength}`, 'msDS-MinimumPasswordAge: 0', `msDS-MaximumPasswordAge: ${day * 90}`,
      'msDS-LockoutThreshold: 5', `msDS-LockoutObservationWindow: ${day / 48}`, `msDS-LockoutDuration: ${day / 48}`, `msDS-PSOAppliesTo: ${person.dn}`,
    ]);
  }

  mustChange(person: Person): void { this.replace(person, 'pwdLastSet', '0'); }

  remove(person: Person): void { this.apply([`dn: ${person.dn}`, 'changetype: delete']); }

  read(person: Person, attribute: string): string {
    const r = this.tool('ldapsearch', this.dc.admin_bind, this.dc.admin_password, ['-LLL', '-o', 'ldif-wrap=no', '-b', person.dn, '-s', 'base', attribute], '');
    if (r.status !== 0) throw new Error(r.stderr);
    return new RegExp(`^${attribute}: (.*)$`, 'm').exec(r.stdout)?.[1] ?? '';
  }

  /** objectGUID as text (MS-DTYP 2.3.4.3). */
  id(person: Person): string {
    const r = this.tool('ldapsearch', this.dc.admin_bind, this.dc.admin_password, ['-LLL', '-o', 'ldif-wrap=no', '-b', person.dn, '-s', 'base', 'objectGUID'], '');
    const b = Buffer.from(/^objectGUID:: (.*)$/m.exec(r.stdout)?.[1] ?? '', 'base64');
    const hex = (at: number[]) => at.map((i) => b[i]!.toString(16).padStart(2, '0')).join('');
    return [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]].map(hex).join('-');
  }

  apply(ldif: string[]): void {
    const r = this.tool('ldapmodify', this.dc.admin_bind, this.dc.admin_password, [], `${ldif.join('\n')}\n`);
    if (r.status !== 0) throw new Error(`${ldif[0] ?? ''}: ${r.stderr}`);
  }

  private tool(name: string, bind: string, password: string, args: string[], input: string) {
    return spawnSync(name, ['-x', '-H', this.dc.ldaps_url, '-D', bind, '-w', password, ...args], {
      input, encoding: 'utf8', env: { ...process.env, LDAPTLS_CACERT: this.dc.ca_file, LDAPTLS_REQCERT: 'demand' }, timeout: 30_000,
    });
  }
}

/** MS-ADTS 3.1.1.3.1.5: the quoted password in UTF-16LE. */
function unicodePwd(password: string): string {
  return Buffer.from(`"${password}"`, 'utf16le').toString('base64');
}
