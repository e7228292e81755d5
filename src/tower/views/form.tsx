/** Parts of the forms that write: fields that say what is wrong with them, and the proof that a page of ours sent it. */
import { tryGetContext } from 'hono/context-storage';
import type { Child } from 'hono/jsx';

/** Without a session there is none, and the form is refused. */
export function Csrf() {
  const person = tryGetContext()?.get('person');
  return person ? <input type="hidden" name="csrf" value={person.csrf} /> : null;
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string | undefined;
  readonly hint?: Child;
  readonly error?: string | undefined;
  readonly isNeeded?: boolean;
}

const describedBy = (name: string, hint: unknown, error: unknown) => {
  const ids = [...(hint ? [`${name}-hint`] : []), ...(error ? [`${name}-error`] : [])];
  return { ...(ids.length > 0 && { 'aria-describedby': ids.join(' ') }), ...(error ? { 'aria-invalid': 'true' as const } : {}) };
};

function Frame({ name, label, hint, error, children }: Omit<FieldProps, 'value'> & { readonly children: Child }) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children}
      {hint && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${name}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

export function TextField(props: FieldProps & { readonly isNumber?: boolean; readonly list?: string }) {
  const { name, value = '', hint, error, isNeeded, isNumber, list } = props;
  return (
    <Frame {...props}>
      <input
        id={name}
        name={name}
        value={value}
        autocomplete="off"
        {...(isNumber && { inputmode: 'decimal' as const })}
        {...(isNeeded && { required: true })}
        {...(list !== undefined && { list })}
        {...describedBy(name, hint, error)}
      />
    </Frame>
  );
}

export function LinesField(props: FieldProps & { readonly rows?: number; readonly most?: number }) {
  const { name, value = '', hint, error, rows = 3, isNeeded, most } = props;
  return (
    <Frame {...props}>
      <textarea
        id={name}
        name={name}
        rows={rows}
        {...(most !== undefined && { maxlength: most })}
        {...(isNeeded && { required: true })}
        {...describedBy(name, hint, error)}
      >
        {value}
      </textarea>
    </Frame>
  );
}

export function ChoiceField(props: FieldProps & { readonly options: readonly (readonly [value: string, text: string])[] }) {
  const { name, value, hint, error, options } = props;
  return (
    <Frame {...props}>
      <select id={name} name={name} {...describedBy(name, hint, error)}>
        {options.map(([option, text]) => (
          <option value={option} {...(option === value && { selected: true })}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export function TickField({ name, label, value }: FieldProps) {
  return (
    <div class="field tick">
      <input type="checkbox" id={name} name={name} value="on" {...(value === 'on' && { checked: true })} />
      <label for={name}>{label}</label>
    </div>
  );
}

interface DeedProps {
  /** What the closed form is called, and what opens it. */
  readonly summary: string;
  readonly to: string;
  readonly button: string;
  readonly children?: Child;
}

/** A deed that cannot be taken back: the button is seen only once the form is opened. */
export function Deed({ summary, to, button, children }: DeedProps) {
  return (
    <details class="deed">
      <summary>{summary}</summary>
      <form method="post" action={to}>
        <Csrf />
        {children}
        <button type="submit" class="danger">
          {button}
        </button>
      </form>
    </details>
  );
}
