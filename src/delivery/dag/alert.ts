/** What a task is told of the alert for which its run was started: the same variable that GitLab's pipelines get. */
import { alertConf, alertVariable } from '../../kernel/tower-actions.ts';
import { python } from './python.ts';

export const alertImports = ['re'] as const;

/**
 * Airflow checks nothing of what a run is started with, so what has not the form of an alert's id is not handed on. No template
 * is evaluated.
 */
export const alertOfRun = `
def told(context):
    """Variables for which the run itself is asked: the alert of Control Tower that started it, if one did."""
    conf = context["dag_run"].conf
    alert = conf.get(${python(alertConf)}) if isinstance(conf, dict) else None
    if not isinstance(alert, str) or not re.fullmatch("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", alert):
        return {}
    return {${python(alertVariable)}: alert.lower()}
`;
